/* SPDX-License-Identifier: MIT */
/* The sources of a configuration: file, environment, command line. */
#include "bus/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"

#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define KEYS_MAX 256
#define VARIABLE_PREFIX "IOBUS_"

/* --- file ---------------------------------------------------------------------------------------
 */

/* One line being read. */
typedef struct {
    const char *name; /* of the file */
    str_t line;       /* without its end */
    unsigned number;  /* from 1 */
    size_t at;        /* how far it has been read */
} line_t;

typedef struct {
    config_t *config;
    unsigned seen[KEYS_MAX]; /* by index of the key: the line that set it; 0: none */
    buf_t value;             /* the value of the current line */
} reader_t;

static err_t fail_at(const line_t *line, size_t at, buf_t *why, const char *what)
{
    buf_printf(why, "%s:%u:%zu: %s", line->name, line->number, at + 1, what);
    return ERR_CONFIG;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(line_t *line)
{
    while (line->at < line->line.len && is_blank(line->line.p[line->at]))
        line->at++;
}

static bool at_end(const line_t *line)
{
    return line->at == line->line.len;
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* "..." with \" and \\; behind it only blanks and a comment. */
static err_t read_quoted(line_t *line, buf_t *value, buf_t *why)
{
    size_t start = line->at++;
    for (; !at_end(line) && line->line.p[line->at] != '"'; line->at++) {
        if (line->line.p[line->at] == '\\') {
            line->at++;
            if (at_end(line) || (line->line.p[line->at] != '"' && line->line.p[line->at] != '\\'))
                return fail_at(line, line->at - 1, why, "expected \\\" or \\\\ behind a backslash");
        }
        buf_append_byte(value, (uint8_t)line->line.p[line->at]);
    }
    if (at_end(line))
        return fail_at(line, start, why, "the quotation mark is never closed");
    line->at++;
    skip_blanks(line);
    if (!at_end(line) && line->line.p[line->at] != '#')
        return fail_at(line, line->at, why, "unexpected text behind the quoted value");
    return ERR_OK;
}

/* Up to the end of the line or a comment; a # within a word belongs to it ("http://a/#b"). */
static void read_bare(line_t *line, buf_t *value)
{
    size_t start = line->at;
    size_t end = start;
    for (; !at_end(line); line->at++) {
        char c = line->line.p[line->at];
        if (c == '#' && (line->at == start || is_blank(line->line.p[line->at - 1])))
            break;
        if (!is_blank(c))
            end = line->at + 1;
    }
    buf_append(value, line->line.p + start, end - start);
}

static err_t read_key(line_t *line, const config_key_t **key, buf_t *why)
{
    size_t start = line->at;
    while (!at_end(line) && is_key_char(line->line.p[line->at]))
        line->at++;
    str_t name = {line->line.p + start, line->at - start};
    if (name.len == 0)
        return fail_at(line, start, why, "expected a key");
    *key = config_key_find(name);
    if (*key)
        return ERR_OK;
    const config_key_t *near = config_key_near(name);
    buf_printf(why, "%s:%u:%zu: unknown key \"%.*s\"", line->name, line->number, start + 1,
               (int)(name.len < 60 ? name.len : 60), name.p);
    if (near)
        buf_printf(why, ", did you mean \"%s\"?", near->name);
    return ERR_CONFIG;
}

static err_t set_once(reader_t *self, const line_t *line, size_t key_at, size_t value_at,
                      const config_key_t *key, buf_t *why)
{
    size_t index = (size_t)(key - config_keys());
    if (key->kind != CONFIG_LIST && self->seen[index]) {
        buf_printf(why, "%s:%u:%zu: %s was set in line %u already", line->name, line->number,
                   key_at + 1, key->name, self->seen[index]);
        return ERR_CONFIG;
    }
    self->seen[index] = line->number;
    size_t mark = why->len;
    buf_printf(why, "%s:%u:%zu: ", line->name, line->number, value_at + 1);
    err_t err =
        config_assign(self->config, CONFIG_FROM_FILE, key, key->name, buf_str(&self->value), why);
    if (err == ERR_OK)
        why->len = mark;
    return err;
}

/* Valid: "", "# text", "data = /var/lib/iobus", "instance=\"web.0\" # why".
 * Invalid: "data", "= x", "data /var", "data = \"x". */
static err_t read_line(reader_t *self, line_t *line, buf_t *why)
{
    const config_key_t *key;
    skip_blanks(line);
    if (at_end(line) || line->line.p[line->at] == '#')
        return ERR_OK;
    size_t key_at = line->at;
    err_t err = read_key(line, &key, why);
    if (err != ERR_OK)
        return err;
    if (strcmp(key->name, "config") == 0)
        return fail_at(line, key_at, why, "a file cannot name another one");
    skip_blanks(line);
    if (at_end(line) || line->line.p[line->at] != '=')
        return fail_at(line, line->at, why, "expected = behind the key");
    line->at++;
    skip_blanks(line);
    size_t value_at = line->at;
    buf_reset(&self->value);
    if (!at_end(line) && line->line.p[line->at] == '"')
        err = read_quoted(line, &self->value, why);
    else
        read_bare(line, &self->value);
    return err == ERR_OK ? set_once(self, line, key_at, value_at, key, why) : err;
}

err_t config_read_text(config_t *self, const char *name, str_t text, buf_t *why)
{
    reader_t reader = {.config = self};
    err_t err = ERR_OK;
    if (str_starts(text, "\xef\xbb\xbf")) /* the mark that some editors put in front of UTF-8 */
        text = (str_t){text.p + 3, text.len - 3};
    for (unsigned number = 1; err == ERR_OK && text.len > 0; number++) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t len = end ? (size_t)(end - text.p) : text.len;
        line_t line = {.name = name, .line = {text.p, len}, .number = number};
        if (len > 0 && text.p[len - 1] == '\r')
            line.line.len--;
        err = read_line(&reader, &line, why);
        text.p += end ? len + 1 : len;
        text.len -= end ? len + 1 : len;
    }
    buf_fini(&reader.value);
    return err;
}

static err_t read_all(FILE *file, buf_t *out)
{
    while (out->len <= FILE_MAX_BYTES) {
        if (!buf_reserve(out, 4096))
            return ERR_NO_MEMORY;
        size_t got = fread(out->data + out->len, 1, 4096, file);
        out->len += got;
        if (got == 0)
            return ferror(file) ? ERR_IO : ERR_OK;
    }
    return ERR_TOO_LARGE;
}

err_t config_read_file(config_t *self, const char *path, buf_t *why)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        buf_printf(why, "cannot read %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    buf_t text;
    buf_init(&text);
    err_t err = read_all(file, &text);
    int cause = errno;
    fclose(file);
    if (err == ERR_IO)
        buf_printf(why, "cannot read %s: %s", path, strerror(cause));
    else if (err != ERR_OK)
        buf_printf(why, "%s is larger than 1 MiB", path);
    else
        err = config_read_text(self, path, buf_str(&text), why);
    buf_fini(&text);
    return err;
}

/* --- environment --------------------------------------------------------------------------------
 */

/* "IOBUS_MAX_MESSAGE" -> "max-message" */
static const config_key_t *key_of_variable(str_t variable)
{
    char name[64];
    size_t skip = sizeof VARIABLE_PREFIX - 1;
    size_t len = variable.len - skip;
    if (len >= sizeof name)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = variable.p[skip + i];
        name[i] = c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return config_key_find((str_t){name, len});
}

static err_t assign_words(config_t *self, const config_key_t *key, const char *label, str_t text,
                          buf_t *why)
{
    err_t err = ERR_OK;
    while (err == ERR_OK && text.len > 0) {
        size_t len = 0;
        while (len < text.len && !is_blank(text.p[len]))
            len++;
        if (len > 0)
            err = config_assign(self, CONFIG_FROM_ENV, key, label, (str_t){text.p, len}, why);
        len += len < text.len;
        text.p += len;
        text.len -= len;
    }
    return err;
}

static err_t read_variable(config_t *self, const char *entry, buf_t *why)
{
    const char *equals = strchr(entry, '=');
    if (!equals || !str_starts(str_of(entry), VARIABLE_PREFIX))
        return ERR_OK;
    str_t variable = {entry, (size_t)(equals - entry)};
    str_t value = str_of(equals + 1);
    const config_key_t *key = key_of_variable(variable);
    if (!key) {
        log_warn("CONFIG-UNKNOWN-VARIABLE", "name=%.*s", STR_ARG(variable));
        return ERR_OK;
    }
    if (value.len == 0)
        return ERR_OK;
    char label[80];
    snprintf(label, sizeof label, "%.*s", STR_ARG(variable));
    if (key->kind == CONFIG_LIST)
        return assign_words(self, key, label, value, why);
    return config_assign(self, CONFIG_FROM_ENV, key, label, value, why);
}

err_t config_read_env(config_t *self, char **environ_list, buf_t *why)
{
    err_t err = ERR_OK;
    for (char **entry = environ_list; err == ERR_OK && *entry; entry++)
        err = read_variable(self, *entry, why);
    return err;
}

/* --- command line -------------------------------------------------------------------------------
 */

static bool is_extra(const char *const *extra, str_t flag)
{
    for (size_t i = 0; extra && extra[i]; i++) {
        if (str_is(flag, extra[i]))
            return true;
    }
    return false;
}

static bool is_switch_word(const char *word)
{
    bool ignored;
    return word && config_parse_bool(str_of(word), &ignored);
}

static err_t unknown_flag(str_t flag, buf_t *why)
{
    buf_printf(why, "unknown flag %.*s", (int)(flag.len < 60 ? flag.len : 60), flag.p);
    if (flag.len > 2) {
        const config_key_t *near = config_key_near((str_t){flag.p + 2, flag.len - 2});
        if (near)
            buf_printf(why, ", did you mean --%s?", near->name);
    }
    return ERR_BAD_ARGS;
}

/* Handles argv[*at], which is a flag of ours, and moves *at to its last word. */
static err_t read_flag(config_t *self, int argc, char **argv, int *at, str_t flag, buf_t *why)
{
    const config_key_t *key = flag.len > 2 && str_starts(flag, "--")
                                  ? config_key_find((str_t){flag.p + 2, flag.len - 2})
                                  : NULL;
    if (!key)
        return unknown_flag(flag, why);
    const char *value = flag.p[flag.len] == '=' ? flag.p + flag.len + 1 : NULL;
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    if (!value && key->kind == CONFIG_BOOL && !is_switch_word(next)) {
        value = "on";
    } else if (!value && !next) {
        buf_printf(why, "--%s needs a value", key->name);
        return ERR_BAD_ARGS;
    } else if (!value) {
        value = next;
        ++*at;
    }
    char label[80];
    snprintf(label, sizeof label, "--%s", key->name);
    err_t err = config_assign(self, CONFIG_FROM_FLAG, key, label, str_of(value), why);
    return err == ERR_OK ? ERR_OK : ERR_BAD_ARGS;
}

err_t config_read_args(config_t *self, int *argc, char **argv, const char *const *extra, buf_t *why)
{
    err_t err = ERR_OK;
    bool flags = true; /* until "--" */
    int kept = *argc > 0 ? 1 : 0;
    for (int i = kept; err == ERR_OK && i < *argc; i++) {
        const char *word = argv[i];
        str_t flag = {word, strcspn(word, "=")};
        if (flags && strcmp(word, "--") == 0)
            flags = false;
        else if (!flags || word[0] != '-' || word[1] == '\0' || is_extra(extra, flag))
            argv[kept++] = argv[i];
        else
            err = read_flag(self, *argc, argv, &i, flag, why);
    }
    if (err == ERR_OK) {
        if (kept < *argc)
            argv[kept] = NULL;
        *argc = kept;
    }
    return err;
}

err_t config_load(config_t *self, int *argc, char **argv, char **environ_list,
                  const char *const *extra, buf_t *why)
{
    /* Sources have ranks, so the strongest can be read first: it may name the file. */
    err_t err = config_read_args(self, argc, argv, extra, why);
    if (err == ERR_OK)
        err = config_read_env(self, environ_list, why);
    if (err == ERR_OK && config_text(self, "config")[0] != '\0')
        err = config_read_file(self, config_text(self, "config"), why);
    return err;
}
