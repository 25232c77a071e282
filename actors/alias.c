/* SPDX-License-Identifier: MIT */
#include "actors/alias.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bus/json.h"
#include "bus/log.h"

#define NUMBER_MAX                                                                                 \
    400 /* characters of a number in a text; the rest has no influence worth having */

/* A formula that was given but cannot be run must not look like no formula. */
typedef enum { FORMULA_NONE, FORMULA_GOOD, FORMULA_BROKEN } formula_state_t;

typedef struct {
    formula_state_t state;
    uint32_t handle;
} way_t;

struct alias {
    formulas_t *formulas; /* borrowed */
    char *id;
    buf_t source;  /* text */
    buf_t target;  /* value */
    way_t ways[2]; /* by formula_kind_t */
};

static const char *const types[] = {"number", "string", "boolean", "array",
                                    "object", "mixed",  "json",    NULL};

void alias_common_read(alias_common_t *self, mp_t object)
{
    mp_t common;
    str_t text;
    *self = (alias_common_t){.exists = mp_type(object) == MP_MAP};
    if (!self->exists || !mp_find(object, "common", &common))
        return;
    if (mp_find_str(common, "type", &text)) {
        for (size_t i = 0; types[i]; i++) {
            if (str_is(text, types[i]))
                self->side.type = types[i];
        }
    }
    self->is_percent = mp_find_str(common, "unit", &text) && str_is(text, "%");
    self->side.has_min = mp_find_double(common, "min", &self->side.min);
    self->side.has_max = mp_find_double(common, "max", &self->side.max);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool is_empty(mp_t value)
{
    return mp_at_end(&value);
}

static void set_way(alias_t *self, formula_kind_t kind, const char *key, mp_t alias)
{
    static log_limit_t limit;
    way_t *way = &self->ways[kind];
    str_t text;
    if (!mp_find_str(alias, key, &text) || text.len == 0)
        return;
    buf_t why = {0};
    way->handle = formulas_add(self->formulas, kind, text, &why);
    way->state = way->handle ? FORMULA_GOOD : FORMULA_BROKEN;
    if (way->state == FORMULA_BROKEN)
        log_limited(&limit, LEVEL_WARN, "ALIAS-FORMULA-REFUSED", "id=%.200s way=%s why=\"%.*s\"",
                    self->id, key, STR_ARG(buf_str(&why)));
    buf_fini(&why);
}

alias_t *alias_new(formulas_t *formulas, str_t id, mp_t object)
{
    mp_t settings, target, value;
    str_t source = {"", 0};
    if (!mp_path(object, &settings, "common", "alias", NULL) || !mp_find(settings, "id", &target))
        return NULL;
    bool named = mp_type(target) == MP_STR || mp_type(target) == MP_MAP;
    mp_t text = target;
    if (!named || (mp_read_str(&text, &source) && source.len == 0))
        return NULL;
    if (mp_find(target, "read", &value))
        (void)mp_read_str(&value, &source);
    if (mp_find(target, "write", &value) && mp_type(value) == MP_STR)
        target = value;
    alias_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->formulas = formulas;
    self->id = str_dup(id);
    if (!str_starts(source, ALIAS_PREFIX))
        buf_append_str(&self->source, source);
    mp_put_raw(&self->target, target);
    if (!self->id || self->source.failed || self->target.failed) {
        alias_destroy(&self);
        return NULL;
    }
    set_way(self, FORMULA_READ, "read", settings);
    set_way(self, FORMULA_WRITE, "write", settings);
    return self;
}

void alias_destroy(alias_t **self_p)
{
    alias_t *self = *self_p;
    if (!self)
        return;
    formulas_remove(self->formulas, self->ways[FORMULA_READ].handle);
    formulas_remove(self->formulas, self->ways[FORMULA_WRITE].handle);
    buf_fini(&self->source);
    buf_fini(&self->target);
    free(self->id);
    free(self);
    *self_p = NULL;
}

str_t alias_source(const alias_t *self)
{
    return buf_str(&self->source);
}

mp_t alias_target(const alias_t *self)
{
    return mp_of_buf(&self->target);
}

/* --- simple conversions ---------------------------------------------------------------------- */

static size_t digits(const char *p, const char *end)
{
    size_t count = 0;
    while (p + count < end && p[count] >= '0' && p[count] <= '9')
        count++;
    return count;
}

/* Length of the longest number at p: "12.5e3 kWh" has 6; 0: none. */
static size_t number_length(const char *p, const char *end)
{
    const char *at = p;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    size_t whole = digits(at, end);
    at += whole;
    size_t part = 0;
    if (at < end && *at == '.') {
        part = digits(at + 1, end);
        at += whole || part ? 1 + part : 0;
    }
    if (whole + part == 0)
        return 0;
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *power = at + 1;
        if (power < end && (*power == '+' || *power == '-'))
            power++;
        size_t count = digits(power, end);
        if (count)
            at = power + count;
    }
    return (size_t)(at - p);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

double alias_parse_float(str_t text)
{
    const char *p = text.p, *end = text.p + text.len;
    while (p < end && is_blank(*p))
        p++;
    size_t len = number_length(p, end);
    if (len == 0) {
        str_t rest = {p, (size_t)(end - p)};
        if (str_starts(rest, "Infinity") || str_starts(rest, "+Infinity"))
            return INFINITY;
        return str_starts(rest, "-Infinity") ? -INFINITY : NAN;
    }
    char copy[NUMBER_MAX + 1];
    if (len > NUMBER_MAX)
        len = NUMBER_MAX;
    memcpy(copy, p, len);
    copy[len] = '\0';
    return strtod(copy, NULL);
}

/* NaN and infinities are null in JSON. */
static void put_number(buf_t *out, double value)
{
    if (isfinite(value))
        mp_put_double(out, value);
    else
        mp_put_nil(out);
}

static void to_number(buf_t *out, mp_t val)
{
    mp_t cursor = val;
    str_t text;
    if (mp_read_str(&cursor, &text))
        put_number(out, alias_parse_float(text));
    else
        mp_put_raw(out, val);
}

static bool truthy(mp_t val)
{
    bool flag;
    double number;
    str_t text;
    if (mp_read_bool(&val, &flag))
        return flag;
    if (mp_read_double(&val, &number))
        return number != 0 && !isnan(number);
    if (mp_read_str(&val, &text))
        return text.len > 0;
    return mp_type(val) != MP_NIL;
}

static void to_boolean(buf_t *out, mp_t val)
{
    mp_t cursor = val;
    str_t text;
    bool off = mp_read_str(&cursor, &text) &&
               (str_is(text, "0") || (text.len == 3 && (strncasecmp(text.p, "off", 3) == 0 ||
                                                        strncasecmp(text.p, "aus", 3) == 0)));
    mp_put_bool(out, !off && truthy(val));
}

/* JavaScript's toString; the elements of an array joined by commas, null as nothing. The depth is
 * bounded by MP_MAX_DEPTH, as that of every value. */
static void append_text(buf_t *out, mp_t val)
{
    mp_t cursor = val;
    uint32_t count;
    bool flag;
    double number;
    str_t text;
    if (mp_read_str(&cursor, &text)) {
        buf_append_str(out, text);
    } else if (mp_read_bool(&cursor, &flag)) {
        buf_append_cstr(out, flag ? "true" : "false");
    } else if (mp_read_double(&cursor, &number)) {
        json_put_double(out, number);
    } else if (mp_read_array(&cursor, &count)) {
        for (uint32_t i = 0; i < count; i++) {
            mp_t element;
            if (i)
                buf_append_byte(out, ',');
            if (mp_next(&cursor, &element) && mp_type(element) != MP_NIL)
                append_text(out, element);
        }
    } else {
        buf_append_cstr(out, "[object Object]");
    }
}

static void to_string(buf_t *out, mp_t val)
{
    buf_t text = {0};
    append_text(&text, val);
    mp_put_str(out, buf_str(&text));
    out->failed |= text.failed;
    buf_fini(&text);
}

typedef struct {
    const char *type;
    void (*convert)(buf_t *out, mp_t val);
} conversion_t;

static const conversion_t conversions[] = {
    {"boolean", to_boolean}, {"number", to_number}, {"string", to_string}, {NULL, NULL}};

static void convert_type(buf_t *out, const alias_common_t *to, mp_t val)
{
    const char *want = to->exists && to->side.type ? to->side.type : mp_typeof(val);
    if (mp_type(val) != MP_NIL && strcmp(mp_typeof(val), want) != 0) {
        for (const conversion_t *row = conversions; row->type; row++) {
            if (strcmp(want, row->type) == 0) {
                row->convert(out, val);
                return;
            }
        }
    }
    mp_put_raw(out, val);
}

static bool is_number(const alias_common_t *common)
{
    return common->exists && common->side.type && strcmp(common->side.type, "number") == 0;
}

static bool has_range(const alias_common_t *common)
{
    return common->side.has_min && common->side.has_max;
}

/* Between a per cent value and one with a range. */
static void scale(buf_t *out, const alias_common_t *from, const alias_common_t *to, mp_t val)
{
    mp_t cursor = val;
    double number;
    bool numeric = is_number(from) && is_number(to) && mp_read_double(&cursor, &number);
    if (numeric && to->is_percent && !from->is_percent && has_range(from))
        put_number(out, (number - from->side.min) / (from->side.max - from->side.min) * 100);
    else if (numeric && from->is_percent && !to->is_percent && has_range(to))
        put_number(out, (to->side.max - to->side.min) * number / 100 + to->side.min);
    else
        mp_put_raw(out, val);
}

/* --- the way --------------------------------------------------------------------------------- */

static bool run_formula(alias_t *self, formula_kind_t kind, const alias_common_t *own,
                        const alias_common_t *other, mp_t val, buf_t *out)
{
    static log_limit_t limit;
    way_t *way = &self->ways[kind];
    if (way->state == FORMULA_BROKEN || !other->exists)
        return false;
    buf_t why = {0};
    err_t err = formulas_run(self->formulas, way->handle, val, &own->side, &other->side, out, &why);
    if (err != ERR_OK)
        log_limited(&limit, LEVEL_WARN, "ALIAS-FORMULA-FAILED", "id=%.200s way=%s why=\"%.*s\"%s",
                    self->id, kind == FORMULA_READ ? "read" : "write", STR_ARG(buf_str(&why)),
                    err == ERR_TOO_LARGE ? " until=object-change" : "");
    if (err == ERR_TOO_LARGE)
        way->state = FORMULA_BROKEN;
    buf_fini(&why);
    return err == ERR_OK;
}

static bool convert(alias_t *self, formula_kind_t kind, const alias_common_t *own,
                    const alias_common_t *other, mp_t val, buf_t *out)
{
    bool reads = kind == FORMULA_READ;
    buf_t computed = {0}, typed = {0};
    bool ok = true;
    if (is_empty(val)) {
        mp_put_nil(&computed);
        val = mp_of_buf(&computed);
    }
    if (self->ways[kind].state != FORMULA_NONE) {
        buf_t result = {0};
        ok = run_formula(self, kind, own, other, val, &result);
        buf_fini(&computed);
        computed = result;
        val = mp_of_buf(&computed);
    }
    if (ok) {
        convert_type(&typed, reads ? own : other, val);
        if (self->ways[kind].state == FORMULA_NONE)
            scale(out, reads ? other : own, reads ? own : other, mp_of_buf(&typed));
        else
            mp_put_raw(out, mp_of_buf(&typed));
    }
    buf_fini(&computed);
    buf_fini(&typed);
    return ok;
}

bool alias_read(alias_t *self, const alias_common_t *own, const alias_common_t *source, mp_t val,
                buf_t *out)
{
    return convert(self, FORMULA_READ, own, source, val, out);
}

bool alias_write(alias_t *self, const alias_common_t *own, const alias_common_t *target, mp_t val,
                 buf_t *out)
{
    return convert(self, FORMULA_WRITE, own, target, val, out);
}
