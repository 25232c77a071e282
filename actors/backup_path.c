/* SPDX-License-Identifier: MIT */
#include "actors/backup_path.h"

#include <string.h>

#include "actors/history_import.h"
#include "bus/json.h"

static bool has_control(str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

static str_t skip_prefix(str_t text, const char *prefix)
{
    if (!str_starts(text, prefix))
        return text;
    size_t len = strlen(prefix);
    return (str_t){text.p + len, text.len - len};
}

/* The part before the first slash; rest is what follows it. */
static str_t first_part(str_t path, str_t *rest)
{
    const char *slash = path.len ? memchr(path.p, '/', path.len) : NULL;
    size_t len = slash ? (size_t)(slash - path.p) : path.len;
    size_t skip = slash ? len + 1 : len;
    *rest = (str_t){path.p + skip, path.len - skip};
    return (str_t){path.p, len};
}

/* Without "./" in front and the slash behind a folder. */
static str_t bare(str_t path)
{
    if (!str_is(path, "./"))
        path = skip_prefix(path, "./");
    if (path.len > 1 && path.p[path.len - 1] == '/')
        path.len--;
    return path;
}

const char *backup_path_check(str_t path)
{
    if (path.len == 0)
        return "a name is empty";
    if (path.len > BACKUP_PATH_MAX)
        return "a name is too long";
    if (has_control(path))
        return "a name has control characters";
    if (!json_utf8_valid(path))
        return "a name is not UTF-8";
    if (memchr(path.p, '\\', path.len))
        return "a name has a backslash";
    if (path.p[0] == '/')
        return "a name is an absolute path";
    if (memmem(path.p, path.len, "//", 2))
        return "a name leaves its folder";
    str_t rest = bare(path);
    bool top = str_is(rest, ".");
    while (rest.len > 0 && !top) {
        str_t part = first_part(rest, &rest);
        if (str_is(part, ".") || str_is(part, ".."))
            return "a name leaves its folder";
    }
    return NULL;
}

static const struct {
    const char *path;
    backup_kind_t kind;
} documents[] = {
    {"objects.jsonl", BACKUP_OBJECTS},
    {"states.jsonl", BACKUP_STATES},
    {"backup.json", BACKUP_DOCUMENT},
    {"config.json", BACKUP_CONFIG},
};

static bool has_dots(str_t text)
{
    return text.len >= 2 && memmem(text.p, text.len, "..", 2);
}

static bool is_storage(str_t id)
{
    bool plain = id.len <= BACKUP_STORAGE_MAX && !backup_id_check(id) && !has_dots(id);
    for (size_t i = 0; plain && i < id.len; i++)
        plain = !strchr(",;'\"`<>", id.p[i]);
    return plain;
}

static bool is_file_name(str_t name)
{
    bool fits = name.len > 0 && name.len <= BACKUP_NAME_MAX && !has_dots(name);
    while (fits && name.len > 0)
        fits = first_part(name, &name).len <= BACKUP_PART_MAX;
    return fits;
}

/* YYYYMMDD/history.ID.json */
static void parse_history(str_t rest, backup_path_t *result)
{
    str_t name, id;
    int64_t begin;
    str_t day = first_part(rest, &name);
    if (!history_day_begin(day, &begin) || !history_file_name(name, &id) ||
        memchr(id.p, '/', id.len))
        return;
    result->day = day;
    result->id = id;
}

backup_path_t backup_path_parse(str_t path)
{
    str_t rest;
    backup_path_t result = {.kind = BACKUP_OTHER, .path = skip_prefix(bare(path), "backup/")};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (str_is(result.path, documents[i].path))
            result.kind = documents[i].kind;
    }
    str_t folder = first_part(result.path, &rest);
    if (str_is(folder, "history")) {
        result.kind = BACKUP_HISTORY;
        parse_history(rest, &result);
    } else if (str_is(folder, "files")) {
        result.storage = first_part(rest, &result.name);
        if (is_storage(result.storage) && is_file_name(result.name))
            result.kind = BACKUP_FILE;
    }
    return result;
}

const char *backup_id_check(str_t id)
{
    if (id.len == 0)
        return "the id is empty";
    if (id.len > BACKUP_ID_MAX)
        return "the id is too long";
    if (has_control(id))
        return "the id has control characters";
    for (size_t i = 0; i < id.len; i++) {
        if (strchr("*?[]", id.p[i]))
            return "the id has one of the characters * ? [ ]";
    }
    if (memmem(id.p, id.len, "$%$", 3))
        return "the id has $%$ in it";
    return NULL;
}
