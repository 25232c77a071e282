/* SPDX-License-Identifier: MIT */
#include "actors/states_value.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bus/json.h"

#define TS_SECONDS_BELOW 946681200000.0 /* a smaller ts is in seconds */

/* --- fields ---------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    size_t len;
    size_t offset;
    const char *type; /* what a client must give; NULL: anything */
} field_row_t;

#define FIELD(field, type)                                                                         \
    {                                                                                              \
#field, sizeof #field - 1, offsetof(state_fields_t, field), type                           \
    }
static const field_row_t rows[] = {
    FIELD(val, NULL),      FIELD(ack, "boolean"), FIELD(ts, "number"),
    FIELD(q, "number"),    FIELD(from, "string"), FIELD(lc, "number"),
    FIELD(user, "string"), FIELD(c, "string"),    FIELD(expire, "number")};
#define ROWS (sizeof rows / sizeof rows[0])

static const field_row_t *find_row(str_t name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].len == name.len && memcmp(rows[i].name, name.p, name.len) == 0)
            return &rows[i];
    }
    return NULL;
}

static mp_t *field_of(state_fields_t *self, const field_row_t *row)
{
    return (mp_t *)(void *)((char *)self + row->offset);
}

static bool is_empty(mp_t value)
{
    return mp_at_end(&value);
}

void state_fields(state_fields_t *self, mp_t map)
{
    uint32_t count;
    *self = (state_fields_t){0};
    if (!mp_read_map(&map, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        str_t key;
        mp_t value;
        if (!mp_read_str(&map, &key)) {
            if (!mp_skip(&map) || !mp_skip(&map))
                return;
            continue;
        }
        if (!mp_next(&map, &value))
            return;
        const field_row_t *row = find_row(key);
        if (row)
            *field_of(self, row) = value;
    }
}

/* --- the argument of setState ---------------------------------------------------------------- */

/* Names all forbidden fields; true when there is none. */
static bool only_known(mp_t map, uint32_t count, buf_t *why)
{
    size_t before = why->len;
    for (uint32_t i = 0; i < count; i++) {
        str_t key = {"", 0};
        if (!mp_read_str(&map, &key) && !mp_skip(&map))
            return true;
        if (!find_row(key)) {
            buf_append_cstr(why, why->len == before ? "The state contains the forbidden properties "
                                                    : ", ");
            buf_append_str(why, key);
        }
        if (!mp_skip(&map))
            return true;
    }
    if (why->len == before)
        return true;
    buf_append_cstr(why, "!");
    return false;
}

static bool right_types(state_fields_t *self, buf_t *why)
{
    for (size_t i = 0; i < ROWS; i++) {
        mp_t value = *field_of(self, &rows[i]);
        if (rows[i].type && !is_empty(value) && strcmp(mp_typeof(value), rows[i].type) != 0) {
            buf_printf(why,
                       "The state property \"%s\" has the wrong type \"%s\" (should be \"%s\")!",
                       rows[i].name, mp_typeof(value), rows[i].type);
            return false;
        }
    }
    return true;
}

bool state_argument(state_fields_t *self, mp_t argument, buf_t *why)
{
    mp_t map = argument;
    uint32_t count;
    if (!mp_read_map(&map, &count)) {
        *self = (state_fields_t){.val = argument};
        return true;
    }
    if (count == 0) {
        buf_append_cstr(why,
                        "The state contains no properties! At least one property is expected!");
        return false;
    }
    state_fields(self, argument);
    return only_known(map, count, why) && right_types(self, why);
}

/* --- building -------------------------------------------------------------------------------- */

static void put_field(buf_t *out, const char *name, mp_t value)
{
    mp_put_cstr(out, name);
    mp_put_raw(out, value);
}

/* Where a text of more than max UTF-16 units is cut: before the character that does not fit. */
static size_t cut_length(str_t text, size_t max)
{
    size_t units = 0, i = 0;
    while (i < text.len) {
        uint8_t lead = (uint8_t)text.p[i];
        size_t width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        units += width == 4 ? 2 : 1;
        if (units > max || i + width > text.len)
            return i;
        i += width;
    }
    return i;
}

static str_t comment_of(const state_fields_t *given)
{
    mp_t cursor = given->c;
    str_t text = {"", 0};
    if (mp_read_str(&cursor, &text))
        text.len = cut_length(text, STATES_COMMENT_UNITS);
    return text;
}

static str_t from_of(const state_fields_t *given, const state_writer_t *writer)
{
    mp_t cursor = given->from;
    str_t text;
    return mp_read_str(&cursor, &text) && text.len > 0 ? text : writer->from;
}

static double ts_of(const state_fields_t *given, const state_writer_t *writer)
{
    mp_t cursor = given->ts;
    double ts;
    if (!mp_read_double(&cursor, &ts))
        return (double)writer->now_ms;
    return ts < TS_SECONDS_BELOW ? ts * 1000 : ts;
}

static int64_t life_of(const state_fields_t *given)
{
    mp_t cursor = given->expire;
    double seconds;
    if (!mp_read_double(&cursor, &seconds) || !(seconds > 0) || seconds > STATES_EXPIRE_MAX)
        return 0;
    return (int64_t)ceil(seconds * 1000);
}

static void put_lc(buf_t *out, const state_fields_t *given, const state_fields_t *old, mp_t val,
                   double ts)
{
    mp_put_cstr(out, "lc");
    bool same =
        !is_empty(old->lc) && !is_empty(val) && !is_empty(old->val) && mp_equal(old->val, val);
    if (!is_empty(given->lc))
        mp_put_raw(out, given->lc);
    else if (same)
        mp_put_raw(out, old->lc);
    else
        mp_put_double(out, ts);
}

static void put_ack_ts_q(buf_t *out, const state_fields_t *given, double ts)
{
    mp_put_cstr(out, "ack");
    if (is_empty(given->ack))
        mp_put_bool(out, false);
    else
        mp_put_raw(out, given->ack);
    mp_put_cstr(out, "ts");
    mp_put_double(out, ts);
    mp_put_cstr(out, "q");
    if (is_empty(given->q))
        mp_put_int(out, 0);
    else
        mp_put_raw(out, given->q);
}

void state_build(buf_t *out, const state_fields_t *given, const state_fields_t *old,
                 const state_writer_t *writer, int64_t *life_ms)
{
    static const uint8_t nil = 0xc0;
    bool is_new = is_empty(old->ts) && is_empty(old->lc) && is_empty(old->val);
    mp_t val = given->val;
    if (is_empty(val) && writer->keep_val)
        val = is_new ? mp_of(&nil, 1) : old->val;
    str_t comment = comment_of(given), from = from_of(given, writer);
    double ts = ts_of(given, writer);
    *life_ms = life_of(given);
    mp_put_map(out, 5u + !is_empty(val) + (comment.len > 0) + (from.len > 0) + (*life_ms > 0));
    if (!is_empty(val))
        put_field(out, "val", val);
    put_ack_ts_q(out, given, ts);
    if (comment.len) {
        mp_put_cstr(out, "c");
        mp_put_str(out, comment);
    }
    if (from.len) {
        mp_put_cstr(out, "from");
        mp_put_str(out, from);
    }
    mp_put_cstr(out, "user");
    mp_put_str(out, writer->user);
    put_lc(out, given, old, val, ts);
    if (*life_ms) {
        mp_put_cstr(out, "expire");
        mp_put_bool(out, true);
    }
}

void state_with_val(buf_t *out, mp_t state, mp_t val)
{
    uint32_t count;
    mp_t had;
    bool has_val = mp_find(state, "val", &had);
    if (!mp_read_map(&state, &count)) {
        mp_put_nil(out);
        return;
    }
    mp_put_map(out, count + !has_val);
    if (!has_val)
        put_field(out, "val", val);
    for (uint32_t i = 0; i < count; i++) {
        mp_t key, value;
        if (!mp_next(&state, &key) || !mp_next(&state, &value))
            return; /* cannot be: states are checked when they come in */
        mp_t name = key;
        str_t text;
        mp_put_raw(out, key);
        mp_put_raw(out, mp_read_str(&name, &text) && str_is(text, "val") ? val : value);
    }
}

/* --- ids ------------------------------------------------------------------------------------- */

/* Falsy in JavaScript, or of length 0. */
static bool is_blank(mp_t argument)
{
    bool flag;
    double number;
    str_t text;
    uint32_t count;
    mp_t at = argument;
    if (is_empty(argument) || mp_type(argument) == MP_NIL)
        return true;
    if (mp_read_bool(&at, &flag))
        return !flag;
    if (mp_read_double(&at, &number))
        return number == 0;
    if (mp_read_str(&at, &text))
        return text.len == 0;
    return mp_read_array(&at, &count) && count == 0;
}

/* An id that is neither text nor object, as JavaScript puts it into a text. */
static void append_joined(buf_t *out, mp_t value)
{
    uint32_t count;
    str_t text;
    if (mp_read_array(&value, &count)) {
        for (uint32_t i = 0; i < count; i++) {
            mp_t element;
            if (i)
                buf_append_byte(out, ',');
            if (mp_next(&value, &element) && mp_type(element) != MP_NIL)
                append_joined(out, element);
        }
    } else if (mp_read_str(&value, &text)) {
        buf_append_str(out, text);
    } else if (mp_type(value) == MP_MAP) {
        buf_append_cstr(out, "[object Object]");
    } else {
        json_from_mp(out, value, NULL);
    }
}

static bool check_text(str_t id, buf_t *why)
{
    if (id.p[id.len - 1] != '.')
        return true;
    buf_append_cstr(why, "The id \"");
    buf_append_str(why, id);
    buf_append_cstr(why, "\" is invalid. Ids are not allowed to end in \".\"");
    return false;
}

static bool check_object(mp_t argument, buf_t *why)
{
    mp_t part;
    if (mp_find(argument, "device", &part) || mp_find(argument, "channel", &part) ||
        mp_find(argument, "state", &part))
        return true;
    buf_append_cstr(why, "The id \"");
    json_from_mp(why, argument, NULL);
    buf_append_cstr(why, "\" is an invalid object! Expected at least one of the properties "
                         "\"device\", \"channel\" or \"state\" to exist.");
    return false;
}

bool state_id(mp_t argument, str_t *id, buf_t *why)
{
    mp_t at = argument;
    *id = (str_t){"", 0};
    if (is_blank(argument)) {
        buf_append_cstr(why, "The id is empty! Please provide a valid id.");
        return false;
    }
    if (mp_read_str(&at, id))
        return check_text(*id, why);
    if (mp_type(argument) == MP_MAP)
        return check_object(argument, why);
    buf_append_cstr(why, "The id \"");
    append_joined(why, argument);
    buf_printf(why, "\" has an invalid type! Expected \"string\" or \"object\", received \"%s\".",
               mp_typeof(argument));
    return false;
}

bool state_string_id(mp_t argument, str_t *id, buf_t *why)
{
    mp_t at = argument;
    if (mp_read_str(&at, id))
        return state_id(argument, id, why);
    buf_printf(why,
               "Parameter \"id\" needs to be of type \"string\" but type \"%s\" has been passed",
               is_empty(argument) ? "undefined" : mp_typeof(argument));
    return false;
}
