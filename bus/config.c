/* SPDX-License-Identifier: MIT */
#include "bus/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "bus/cidr.h"

#define SHOWN_BYTES 60 /* of a bad value in a message */

static const config_key_t keys[] = {
#define KEY(name, kind, fallback, min, max, choices, reloadable, help)                             \
    {(name), CONFIG_##kind, (fallback), (min), (max), (choices), (reloadable), (help)},
#include "bus/config_keys.def"
#undef KEY
    {0},
};

#define KEY_COUNT (sizeof keys / sizeof keys[0] - 1)

typedef struct {
    char **items;           /* the text as given; one item, or any number for CONFIG_LIST */
    size_t count;           /* of items */
    int64_t number;         /* INT, SIZE, MS, BOOL (0 or 1) */
    config_source_t source; /* the strongest that has spoken */
} value_t;

struct config {
    value_t values[KEY_COUNT]; /* in the order of keys */
};

typedef struct {
    config_kind_t kind;
    const char *suffix;
    int64_t factor;
} unit_t;

/* Largest first: the first that divides a bound prints it. */
static const unit_t units[] = {
    {CONFIG_SIZE, "g", 1 << 30}, {CONFIG_SIZE, "m", 1 << 20}, {CONFIG_SIZE, "k", 1 << 10},
    {CONFIG_SIZE, "", 1},        {CONFIG_MS, "h", 3600000},   {CONFIG_MS, "m", 60000},
    {CONFIG_MS, "s", 1000},      {CONFIG_MS, "ms", 1},        {CONFIG_MS, "", 1},
    {CONFIG_INT, "", 1},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

static const struct {
    const char *word;
    bool value;
} switch_words[] = {{"on", true},     {"off", false}, {"true", true},
                    {"false", false}, {"1", true},    {"0", false}};
#define SWITCH_WORD_COUNT (sizeof switch_words / sizeof switch_words[0])

/* --- keys ---------------------------------------------------------------------------------------
 */

const config_key_t *config_keys(void)
{
    return keys;
}

const config_key_t *config_key_find(str_t name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (str_is(name, keys[i].name))
            return &keys[i];
    }
    return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Letters to insert, remove or replace between a and b (Levenshtein); b is a key's name. */
static size_t distance(str_t a, str_t b)
{
    size_t row[64];
    assert(b.len < sizeof row / sizeof row[0]);
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.p[i - 1] != b.p[j - 1]);
            diagonal = row[j];
            row[j] = smallest(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b.len];
}

const config_key_t *config_key_near(str_t name)
{
    const config_key_t *best = NULL;
    size_t best_distance = 3;
    if (name.len > 64)
        return NULL;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        size_t d = distance(name, str_of(keys[i].name));
        if (d < best_distance && d < name.len) {
            best = &keys[i];
            best_distance = d;
        }
    }
    return best;
}

/* --- values -------------------------------------------------------------------------------------
 */

/* Control characters of a bad value must not reach a terminal, nor a megabyte of it. */
static void put_shown(buf_t *out, str_t value)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < value.len && i < SHOWN_BYTES; i++) {
        unsigned char c = (unsigned char)value.p[i];
        buf_append_byte(out, c < 0x20 || c >= 0x7f ? '?' : c);
    }
    buf_append_cstr(out, value.len > SHOWN_BYTES ? "...\"" : "\"");
}

static void put_number(buf_t *out, config_kind_t kind, int64_t number)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].kind == kind && number % units[i].factor == 0) {
            const char *suffix = number == 0 ? "" : units[i].suffix;
            buf_printf(out, "%lld%s", (long long)(number / units[i].factor), suffix);
            return;
        }
    }
}

static bool unit_factor(config_kind_t kind, str_t suffix, int64_t *factor)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].kind == kind && str_is(suffix, units[i].suffix)) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

/* "16k" -> 16384. Valid: "0", "65536", "10s". Invalid: "", "-1", "1.5m", "16 k", "16K". */
static bool parse_number(config_kind_t kind, str_t text, int64_t *out)
{
    int64_t number = 0;
    int64_t factor = 1;
    size_t i = 0;
    for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
        if (number > (INT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (text.p[i] - '0');
    }
    if (i == 0 || !unit_factor(kind, (str_t){text.p + i, text.len - i}, &factor) ||
        number > INT64_MAX / factor)
        return false;
    *out = number * factor;
    return true;
}

static bool in_bounds(const config_key_t *key, int64_t number)
{
    return number >= key->min && (key->max == 0 || number <= key->max);
}

/* What a number of this kind looks like, for messages and the help. */
static const char *const number_nouns[] = {
    [CONFIG_INT] = "a number",
    [CONFIG_SIZE] = "a size (65536, 64k, 200m, 1g)",
    [CONFIG_MS] = "a time (500ms, 10s, 5m)",
};

static bool check_number(const config_key_t *key, str_t value, int64_t *number, buf_t *why)
{
    if (parse_number(key->kind, value, number) && in_bounds(key, *number))
        return true;
    buf_printf(why, " must be %s", number_nouns[key->kind]);
    if (key->min != 0 || key->max != 0) {
        buf_append_cstr(why, key->max ? " from " : " of at least ");
        put_number(why, key->kind, key->min);
    }
    if (key->max != 0) {
        buf_append_cstr(why, " to ");
        put_number(why, key->kind, key->max);
    }
    return false;
}

bool config_parse_bool(str_t text, bool *out)
{
    for (size_t i = 0; i < SWITCH_WORD_COUNT; i++) {
        if (str_is(text, switch_words[i].word)) {
            *out = switch_words[i].value;
            return true;
        }
    }
    return false;
}

static bool check_bool(const config_key_t *key, str_t value, int64_t *number, buf_t *why)
{
    (void)key;
    bool on = false;
    if (!config_parse_bool(value, &on)) {
        buf_append_cstr(why, " must be on or off");
        return false;
    }
    *number = on;
    return true;
}

static bool check_choice(const config_key_t *key, str_t value, int64_t *number, buf_t *why)
{
    *number = 0;
    for (const char *at = key->choices; at;) {
        const char *bar = strchr(at, '|');
        str_t choice = {at, bar ? (size_t)(bar - at) : strlen(at)};
        if (str_eq(value, choice))
            return true;
        at = bar ? bar + 1 : NULL;
    }
    buf_printf(why, " must be one of %s", key->choices);
    return false;
}

static bool check_text(const config_key_t *key, str_t value, int64_t *number, buf_t *why)
{
    *number = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < 0x20 || c == 0x7f) {
            buf_append_cstr(why, " must not contain control characters");
            return false;
        }
    }
    if (value.len && u8_check((const uint8_t *)value.p, value.len)) {
        buf_append_cstr(why, " must be valid UTF-8");
        return false;
    }
    if (key->kind == CONFIG_LIST && value.len == 0) {
        buf_append_cstr(why, " must not be empty");
        return false;
    }
    return true;
}

static bool check_nets(const config_key_t *key, str_t value, int64_t *number, buf_t *why)
{
    cidr_list_t list;
    str_t bad;
    (void)key;
    *number = 0;
    bool valid = cidr_list_parse(&list, value, &bad);
    cidr_list_fini(&list);
    if (!valid)
        buf_append_cstr(why, " must be networks like 10.0.0.0/8 or fe80::/10, separated by commas");
    return valid;
}

/* On failure appends " must be ..." to why. */
typedef bool check_fn(const config_key_t *key, str_t value, int64_t *number, buf_t *why);

static check_fn *const checks[] = {
    [CONFIG_TEXT] = check_text,   [CONFIG_INT] = check_number, [CONFIG_BOOL] = check_bool,
    [CONFIG_SIZE] = check_number, [CONFIG_MS] = check_number,  [CONFIG_CHOICE] = check_choice,
    [CONFIG_LIST] = check_text,   [CONFIG_NETS] = check_nets,
};

static void value_clear(value_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i]);
    free(self->items);
    self->items = NULL;
    self->count = 0;
}

static void value_add(value_t *self, str_t text)
{
    char **items = realloc(self->items, (self->count + 1) * sizeof *items);
    assert(items);
    self->items = items;
    items[self->count] = str_dup(text);
    assert(items[self->count]);
    self->count++;
}

static void value_take(value_t *self, const value_t *other)
{
    value_clear(self);
    for (size_t i = 0; i < other->count; i++)
        value_add(self, str_of(other->items[i]));
    self->number = other->number;
    self->source = other->source;
}

static bool value_equal(const value_t *a, const value_t *b)
{
    if (a->count != b->count || a->number != b->number)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    }
    return true;
}

err_t config_assign(config_t *self, config_source_t source, const config_key_t *key,
                    const char *label, str_t value, buf_t *why)
{
    int64_t number = 0;
    buf_t problem;
    buf_init(&problem);
    if (!checks[key->kind](key, value, &number, &problem)) {
        buf_printf(why, "%s%.*s, not ", label, STR_ARG(buf_str(&problem)));
        put_shown(why, value);
        buf_fini(&problem);
        return ERR_CONFIG;
    }
    value_t *slot = &self->values[key - keys];
    if (source >= slot->source) {
        if (key->kind != CONFIG_LIST || source > slot->source)
            value_clear(slot);
        value_add(slot, value);
        slot->number = number;
        slot->source = source;
    }
    return ERR_OK;
}

err_t config_set(config_t *self, const char *key, str_t value, buf_t *why)
{
    const config_key_t *row = config_key_find(str_of(key));
    if (!row) {
        buf_printf(why, "unknown key \"%s\"", key);
        return ERR_CONFIG;
    }
    return config_assign(self, CONFIG_FROM_PROGRAM, row, key, value, why);
}

static void set_default(config_t *self, const config_key_t *key)
{
    if (key->kind == CONFIG_LIST && key->fallback[0] == '\0')
        return;
    buf_t why = {0};
    err_t err =
        config_assign(self, CONFIG_FROM_DEFAULT, key, key->name, str_of(key->fallback), &why);
    assert(err == ERR_OK);
    (void)err;
}

void config_unset(config_t *self, const char *key)
{
    const config_key_t *row = config_key_find(str_of(key));
    assert(row);
    value_clear(&self->values[row - keys]);
    self->values[row - keys].source = CONFIG_FROM_DEFAULT;
    set_default(self, row);
}

/* --- life ---------------------------------------------------------------------------------------
 */

config_t *config_new(void)
{
    config_t *self = calloc(1, sizeof *self);
    assert(self);
    for (size_t i = 0; i < KEY_COUNT; i++)
        set_default(self, &keys[i]);
    return self;
}

void config_destroy(config_t **self_p)
{
    config_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < KEY_COUNT; i++)
        value_clear(&self->values[i]);
    free(self);
    *self_p = NULL;
}

config_t *config_copy(const config_t *self)
{
    config_t *copy = calloc(1, sizeof *copy);
    assert(copy);
    for (size_t i = 0; i < KEY_COUNT; i++)
        value_take(&copy->values[i], &self->values[i]);
    return copy;
}

void config_reload(config_t *self, const config_t *fresh, buf_t *kept)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (value_equal(&self->values[i], &fresh->values[i]))
            continue;
        if (keys[i].reloadable)
            value_take(&self->values[i], &fresh->values[i]);
        else
            buf_printf(kept, "%s%s", kept->len ? " " : "", keys[i].name);
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

#define KIND_BIT(kind) (1u << (kind))

static const value_t *value_of(const config_t *self, const char *key, unsigned kinds)
{
    const config_key_t *row = config_key_find(str_of(key));
    assert(row && (kinds & KIND_BIT(row->kind)));
    (void)kinds;
    return &self->values[row - keys];
}

const char *config_text(const config_t *self, const char *key)
{
    return value_of(self, key,
                    KIND_BIT(CONFIG_TEXT) | KIND_BIT(CONFIG_CHOICE) | KIND_BIT(CONFIG_NETS))
        ->items[0];
}

int64_t config_int(const config_t *self, const char *key)
{
    return value_of(self, key, KIND_BIT(CONFIG_INT) | KIND_BIT(CONFIG_SIZE) | KIND_BIT(CONFIG_MS))
        ->number;
}

bool config_bool(const config_t *self, const char *key)
{
    return value_of(self, key, KIND_BIT(CONFIG_BOOL))->number != 0;
}

const char *const *config_list(const config_t *self, const char *key, size_t *count)
{
    const value_t *value = value_of(self, key, KIND_BIT(CONFIG_LIST));
    *count = value->count;
    return (const char *const *)value->items;
}

bool config_is_set(const config_t *self, const char *key)
{
    return value_of(self, key, ~0u)->source != CONFIG_FROM_DEFAULT;
}

/* --- help ---------------------------------------------------------------------------------------
 */

static const char *const placeholders[] = {
    [CONFIG_TEXT] = "TEXT",     [CONFIG_INT] = "N",   [CONFIG_BOOL] = "on|off",
    [CONFIG_SIZE] = "SIZE",     [CONFIG_MS] = "TIME", [CONFIG_LIST] = "TEXT",
    [CONFIG_NETS] = "NETWORKS",
};

void config_help(buf_t *out)
{
    for (const config_key_t *key = keys; key->name; key++) {
        const char *form = key->choices ? key->choices : placeholders[key->kind];
        size_t start = out->len;
        buf_printf(out, "  --%s=%s", key->name, form);
        buf_printf(out, "%*s  %s", (int)(start + 46 > out->len ? start + 46 - out->len : 0), "",
                   key->help);
        if (key->fallback[0] != '\0')
            buf_printf(out, " (default: %s)", key->fallback);
        buf_append_byte(out, '\n');
    }
}

static bool in_sample(const config_key_t *key)
{
    return strcmp(key->name, "config") != 0; /* a file cannot name itself */
}

void config_sample(buf_t *out)
{
    buf_append_cstr(
        out, "# iobus configuration. Every key is also a flag (--key=value) and an environment\n"
             "# variable (IOBUS_KEY, dashes as underscores): the flag wins over the environment,\n"
             "# that over this file, that over the default. What stands here behind # are the\n"
             "# defaults. Sizes: 16k, 200m, 1g. Times: 500ms, 10s, 5m. Keys marked [reload] are\n"
             "# read again on SIGHUP.\n");
    for (const config_key_t *key = keys; key->name; key++) {
        if (!in_sample(key))
            continue;
        buf_printf(out, "\n# %s%s\n", key->help, key->reloadable ? " [reload]" : "");
        if (key->choices)
            buf_printf(out, "# one of: %s\n", key->choices);
        buf_printf(out, "#%s =%s%s\n", key->name, key->fallback[0] ? " " : "", key->fallback);
    }
}
