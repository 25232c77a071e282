/* SPDX-License-Identifier: MIT */
#include "actors/formula.h"

#include <assert.h>
#include <duktape.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/json.h"

#define HEAP_MAX (32u * 1024u * 1024u) /* all expressions together */
#define RUN_MAX (512u * 1024u)         /* what one run may add */
#define CLOCK_EVERY 32                 /* allocations between two looks at the clock */
#define HEADER 16                      /* before each block: its size; keeps the alignment */

struct formulas {
    duk_context *duk;
    size_t used;         /* bytes allocated */
    size_t limit;        /* allocation fails beyond */
    int64_t deadline_us; /* of the run under way; 0: none */
    uint32_t allocs;     /* since the last look at the clock */
    bool exceeded;       /* the run under way came to a bound */
    uint32_t next;       /* handle */
};

/* What the realm keeps; everything else is taken away, constructors first of all: through
 * "".constructor.constructor one would get at Function. */
static const char trim_source[] =
    "(function (global) {"
    "var names = Object.getOwnPropertyNames;"
    "function keep(target, list) {"
    "  list = ' ' + list + ' ';"
    "  var all = names(target);"
    "  for (var i = 0; i < all.length; i++)"
    "    if (list.indexOf(' ' + all[i] + ' ') < 0) delete target[all[i]];"
    "}"
    "function drop(target) { delete target.constructor; }"
    "var errors = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];"
    "for (var i = 0; i < errors.length; i++) drop(errors[i].prototype);"
    "keep(Array.prototype, 'length toString concat join reverse slice sort indexOf lastIndexOf"
    "  every some map filter');"
    "keep(String.prototype, 'length toString valueOf charAt charCodeAt codePointAt concat indexOf"
    "  lastIndexOf replace slice split substring substr toLowerCase toUpperCase"
    "  toLocaleLowerCase toLocaleUpperCase trim startsWith endsWith includes');"
    "keep(RegExp.prototype, 'exec test toString');"
    "keep(Boolean.prototype, 'toString valueOf');"
    "drop(Number.prototype); drop(Date.prototype);"
    "keep(Function.prototype, 'name length');"
    "keep(Object.prototype, 'toString valueOf hasOwnProperty');"
    "keep(global, 'NaN Infinity undefined String Boolean Number Date Math JSON parseInt"
    "  parseFloat isNaN isFinite encodeURIComponent decodeURIComponent');"
    "})";

static const char *const heads[] = {
    [FORMULA_READ] = "(function(val,type,min,max,sType,sMin,sMax){return(",
    [FORMULA_WRITE] = "(function(val,type,min,max,tType,tMin,tMax){return(",
};

/* --- memory and time ------------------------------------------------------------------------- */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_late(formulas_t *self)
{
    if (self->deadline_us == 0 || ++self->allocs < CLOCK_EVERY)
        return false;
    self->allocs = 0;
    return now_us() > self->deadline_us;
}

static bool may_grow(formulas_t *self, size_t more)
{
    if (!self->exceeded && (more > self->limit - self->used || is_late(self)))
        self->exceeded = true;
    /* Duktape turns a failed allocation into an exception, so a run that is over ends here. */
    return !self->exceeded;
}

static void *heap_alloc(void *udata, duk_size_t size)
{
    formulas_t *self = udata;
    if (size == 0 || size > HEAP_MAX || !may_grow(self, size))
        return NULL;
    char *block = malloc(HEADER + size);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    self->used += size;
    return block + HEADER;
}

static void heap_free(void *udata, void *ptr)
{
    formulas_t *self = udata;
    if (!ptr)
        return;
    char *block = (char *)ptr - HEADER;
    duk_size_t size;
    memcpy(&size, block, sizeof size);
    self->used -= size;
    free(block);
}

static void *heap_realloc(void *udata, void *ptr, duk_size_t size)
{
    formulas_t *self = udata;
    if (!ptr)
        return heap_alloc(udata, size);
    if (size == 0) {
        heap_free(udata, ptr);
        return NULL;
    }
    char *block = (char *)ptr - HEADER;
    duk_size_t old;
    memcpy(&old, block, sizeof old);
    if (size > HEAP_MAX || (size > old && !may_grow(self, size - old)))
        return NULL;
    block = realloc(block, HEADER + size);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    self->used = self->used - old + size;
    return block + HEADER;
}

/* Duktape calls this for its own broken invariants only: every call of ours is protected. */
static void heap_fatal(void *udata, const char *message)
{
    (void)udata;
    (void)message;
    abort();
}

/* --- text ------------------------------------------------------------------------------------ */

/* Duktape holds text as JavaScript does, in UTF-16 units, each encoded on its own; msgpack holds
 * UTF-8. Characters beyond the basic plane are two units of three bytes each, or four bytes. */
static void text_to_units(buf_t *out, str_t text)
{
    for (size_t i = 0; i < text.len;) {
        const uint8_t *p = (const uint8_t *)text.p + i;
        if (*p >= 0xf0 && *p < 0xf8 && text.len - i >= 4) {
            uint32_t code = ((uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 |
                             (uint32_t)(p[2] & 63) << 6 | (p[3] & 63)) -
                            0x10000;
            uint32_t high = 0xd800 + (code >> 10), low = 0xdc00 + (code & 0x3ff);
            const uint8_t units[6] = {
                0xed, (uint8_t)(0x80 | ((high >> 6) & 63)), (uint8_t)(0x80 | (high & 63)),
                0xed, (uint8_t)(0x80 | ((low >> 6) & 63)),  (uint8_t)(0x80 | (low & 63))};
            buf_append(out, units, sizeof units);
            i += 4;
        } else {
            buf_append_byte(out, *p);
            i++;
        }
    }
}

static bool is_pair(const uint8_t *p, size_t left)
{
    return left >= 6 && p[0] == 0xed && p[1] >= 0xa0 && p[1] < 0xb0 && p[3] == 0xed && p[4] >= 0xb0;
}

static void text_from_units(buf_t *out, str_t text)
{
    for (size_t i = 0; i < text.len;) {
        const uint8_t *p = (const uint8_t *)text.p + i;
        if (is_pair(p, text.len - i)) {
            uint32_t high = (uint32_t)(p[1] & 15) << 6 | (p[2] & 63);
            uint32_t low = (uint32_t)(p[4] & 15) << 6 | (p[5] & 63);
            uint32_t code = 0x10000 + (high << 10) + low;
            const uint8_t utf8[4] = {
                (uint8_t)(0xf0 | code >> 18), (uint8_t)(0x80 | ((code >> 12) & 63)),
                (uint8_t)(0x80 | ((code >> 6) & 63)), (uint8_t)(0x80 | (code & 63))};
            buf_append(out, utf8, sizeof utf8);
            i += 6;
        } else {
            buf_append_byte(out, *p);
            i++;
        }
    }
}

/* --- protected steps ------------------------------------------------------------------------- */

typedef struct {
    formulas_t *self;
    uint32_t handle;
    str_t source;
    mp_t val;
    buf_t text; /* the value as Duktape wants it, or as it gave it */
    const formula_side_t *own, *other;
    buf_t *out;
} step_t;

static duk_ret_t step_trim(duk_context *duk, void *udata)
{
    (void)udata;
    duk_eval_lstring(duk, trim_source, sizeof trim_source - 1);
    duk_push_global_object(duk);
    duk_call(duk, 1);
    return 0;
}

static duk_ret_t step_add(duk_context *duk, void *udata)
{
    step_t *step = udata;
    duk_push_global_stash(duk);
    duk_eval_lstring(duk, step->source.p, step->source.len);
    duk_put_prop_index(duk, -2, step->handle);
    return 0;
}

static duk_ret_t step_remove(duk_context *duk, void *udata)
{
    step_t *step = udata;
    duk_push_global_stash(duk);
    duk_del_prop_index(duk, -1, step->handle);
    return 0;
}

static void push_number(duk_context *duk, bool given, double value)
{
    if (given)
        duk_push_number(duk, value);
    else
        duk_push_undefined(duk);
}

static void push_side(duk_context *duk, const formula_side_t *side)
{
    if (side->type)
        duk_push_string(duk, side->type);
    else
        duk_push_undefined(duk);
    push_number(duk, side->has_min, side->min);
    push_number(duk, side->has_max, side->max);
}

static void push_value(duk_context *duk, const step_t *step)
{
    mp_t val = step->val;
    bool flag;
    double number;
    if (mp_read_bool(&val, &flag)) {
        duk_push_boolean(duk, flag);
    } else if (mp_read_double(&val, &number)) {
        duk_push_number(duk, number);
    } else if (mp_type(val) == MP_NIL) {
        duk_push_null(duk);
    } else {
        duk_push_lstring(duk, step->text.data ? (const char *)step->text.data : "", step->text.len);
        if (mp_type(val) != MP_STR)
            duk_json_decode(duk, -1);
    }
}

/* What the result is, taken over as JSON text unless it is a simple value. */
static void take_result(duk_context *duk, step_t *step)
{
    duk_size_t len;
    buf_reset(&step->text);
    switch (duk_get_type(duk, -1)) {
    case DUK_TYPE_BOOLEAN:
        mp_put_bool(step->out, duk_get_boolean(duk, -1));
        break;
    case DUK_TYPE_NUMBER:
        if (isfinite(duk_get_number(duk, -1)))
            mp_put_double(step->out, duk_get_number(duk, -1));
        else
            mp_put_nil(step->out);
        break;
    case DUK_TYPE_STRING: {
        const char *text = duk_get_lstring(duk, -1, &len);
        text_from_units(&step->text, (str_t){text, len});
        mp_put_str(step->out, buf_str(&step->text));
        break;
    }
    case DUK_TYPE_OBJECT: {
        const char *json = duk_is_function(duk, -1) ? NULL : duk_json_encode(duk, -1);
        if (json)
            text_from_units(&step->text, str_of(json));
        if (!json || json_to_mp(step->out, buf_str(&step->text)) != ERR_OK)
            mp_put_nil(step->out);
        break;
    }
    default:
        mp_put_nil(step->out);
    }
}

static duk_ret_t step_run(duk_context *duk, void *udata)
{
    step_t *step = udata;
    duk_push_global_stash(duk);
    duk_get_prop_index(duk, -1, step->handle);
    push_value(duk, step);
    push_side(duk, step->own);
    push_side(duk, step->other);
    duk_call(duk, 7);
    take_result(duk, step);
    return 0;
}

static duk_ret_t step_message(duk_context *duk, void *udata)
{
    (void)udata;
    duk_safe_to_string(duk, -1);
    return 1;
}

/* Runs a step; false: it threw, one line in why (may be NULL). The value stack is as before. */
static bool protect(formulas_t *self, duk_safe_call_function step, step_t *arg, buf_t *why)
{
    bool ok = duk_safe_call(self->duk, step, arg, 0, 1) == DUK_EXEC_SUCCESS;
    if (!ok && why) {
        /* Turning an error into text runs code and may fail as well. */
        bool text = duk_safe_call(self->duk, step_message, NULL, 1, 1) == DUK_EXEC_SUCCESS &&
                    duk_is_string(self->duk, -1);
        buf_printf(why, "%.200s", text ? duk_get_string(self->duk, -1) : "failed");
    }
    duk_set_top(self->duk, 0);
    return ok;
}

/* --- public ---------------------------------------------------------------------------------- */

formulas_t *formulas_new(void)
{
    formulas_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->limit = HEAP_MAX;
    self->duk = duk_create_heap(heap_alloc, heap_realloc, heap_free, self, heap_fatal);
    if (!self->duk || !protect(self, step_trim, NULL, NULL))
        formulas_destroy(&self);
    return self;
}

void formulas_destroy(formulas_t **self_p)
{
    formulas_t *self = *self_p;
    if (!self)
        return;
    if (self->duk)
        duk_destroy_heap(self->duk);
    assert(self->used == 0);
    free(self);
    *self_p = NULL;
}

uint32_t formulas_add(formulas_t *self, formula_kind_t kind, str_t text, buf_t *why)
{
    size_t len;
    if (!formula_check(text, &len, why))
        return 0;
    buf_t source = {0}, units = {0};
    text_to_units(&units, (str_t){text.p, len});
    buf_append_cstr(&source, heads[kind]);
    buf_append_str(&source, buf_str(&units));
    buf_append_cstr(&source, "\n);})"); /* the line end closes a comment */
    step_t step = {.self = self, .handle = self->next + 1, .source = buf_str(&source)};
    self->exceeded = false;
    bool ok = !source.failed && !units.failed && protect(self, step_add, &step, why);
    self->exceeded = false;
    buf_fini(&source);
    buf_fini(&units);
    if (!ok)
        return 0;
    return ++self->next;
}

void formulas_remove(formulas_t *self, uint32_t handle)
{
    step_t step = {.self = self, .handle = handle};
    if (handle)
        (void)protect(self, step_remove, &step, NULL); /* one that stays is only memory */
}

static bool prepare_value(step_t *step)
{
    mp_t val = step->val;
    str_t text;
    if (val.end - val.p > FORMULA_MAX_VALUE)
        return false;
    if (mp_read_str(&val, &text)) {
        text_to_units(&step->text, text);
    } else if (mp_type(val) == MP_ARRAY || mp_type(val) == MP_MAP || mp_type(val) == MP_BIN) {
        buf_t json = {0};
        json_from_mp(&json, val, NULL);
        text_to_units(&step->text, buf_str(&json));
        step->text.failed |= json.failed;
        buf_fini(&json);
    }
    return !step->text.failed;
}

err_t formulas_run(formulas_t *self, uint32_t handle, mp_t val, const formula_side_t *own,
                   const formula_side_t *other, buf_t *out, buf_t *why)
{
    step_t step = {
        .self = self, .handle = handle, .val = val, .own = own, .other = other, .out = out};
    if (!prepare_value(&step)) {
        buf_append_cstr(why, "the value is too large");
        buf_fini(&step.text);
        return ERR_CUSTOM;
    }
    size_t before = out->len;
    self->limit = self->used + RUN_MAX < HEAP_MAX ? self->used + RUN_MAX : HEAP_MAX;
    self->deadline_us = now_us() + FORMULA_MAX_MS * 1000;
    self->exceeded = false;
    bool ok = protect(self, step_run, &step, why);
    bool exceeded = self->exceeded || now_us() > self->deadline_us;
    self->exceeded = false;
    self->deadline_us = 0;
    self->limit = HEAP_MAX;
    buf_fini(&step.text);
    if (ok)
        return ERR_OK;
    out->len = before;
    return exceeded ? ERR_TOO_LARGE : ERR_CUSTOM;
}
