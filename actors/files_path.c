/* SPDX-License-Identifier: MIT */
#include "actors/files_path.h"

#include <string.h>

#include "actors/js_text.h"
#include "bus/json.h"

static bool has_dots(str_t text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.p[i - 1] == '.' && text.p[i] == '.')
            return true;
    }
    return false;
}

static bool has_nul(str_t text)
{
    return text.len > 0 && memchr(text.p, 0, text.len) != NULL;
}

/* Removes the last part of out. */
static void pop_part(buf_t *out)
{
    out->len = files_path_folder(buf_str(out)).len;
}

/* Appends a part without its pairs of dots ("a..b" is "ab"), and drops it when it says nothing. */
static bool push_part(buf_t *out, str_t part)
{
    size_t before = out->len;
    if (out->len > 0)
        buf_append_byte(out, '/');
    size_t start = out->len;
    for (size_t i = 0; i < part.len; i++) {
        if (i + 1 < part.len && part.p[i] == '.' && part.p[i + 1] == '.')
            i++;
        else
            buf_append_byte(out, (uint8_t)part.p[i]);
    }
    size_t len = out->len - start;
    if (len == 0 || (len == 1 && out->data[start] == '.'))
        out->len = before;
    return len <= FILES_PART_MAX;
}

/* Takes the name apart; false: a part is too long. */
static bool collect(str_t name, buf_t *out)
{
    bool fits = true;
    for (size_t i = 0; i < name.len;) {
        size_t end = i;
        while (end < name.len && name.p[end] != '/' && name.p[end] != '\\')
            end++;
        str_t part = {name.p + i, end - i};
        if (str_is(part, ".."))
            pop_part(out);
        else
            fits = push_part(out, part) && fits;
        i = end + 1;
    }
    return fits;
}

static bool ends_with(str_t text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.p + text.len - len, end, len) == 0;
}

static files_path_t clean_text(str_t id, str_t name, buf_t *out)
{
    static const char admin[] = "admin/";
    if (!collect(name, out))
        return FILES_PATH_TOO_LONG;
    if (ends_with(id, ".admin") && str_starts(buf_str(out), admin))
        buf_consume(out, sizeof admin - 1);
    if (out->len > FILES_PATH_MAX)
        return FILES_PATH_TOO_LONG;
    if (out->len > 0)
        return FILES_PATH_FINE;
    return has_dots(name) ? FILES_PATH_NOWHERE : FILES_PATH_ROOT;
}

files_path_t files_path_clean(str_t id, str_t name, buf_t *out)
{
    buf_t valid = {0};
    if (has_nul(name))
        return FILES_PATH_BAD;
    if (name.len > 4 * FILES_PATH_MAX) /* dots and slashes may go; more than that is no accident */
        return FILES_PATH_TOO_LONG;
    if (!json_utf8_valid(name)) {
        js_text_to_bytes(&valid, name);
        name = buf_str(&valid);
    }
    files_path_t result = clean_text(id, name, out);
    if (result != FILES_PATH_FINE)
        out->len = 0;
    buf_fini(&valid);
    return result;
}

bool files_path_clean_id(str_t id, buf_t *out)
{
    buf_t valid = {0};
    if (has_nul(id) || id.len > FILES_ID_MAX)
        return false;
    js_text_to_bytes(&valid, id);
    for (size_t i = 0; i < valid.len; i++) {
        char c = (char)valid.data[i];
        bool dots = c == '.' && i + 1 < valid.len && valid.data[i + 1] == '.';
        if (dots)
            i++;
        else if (!strchr("][*,;'\"`<>\\?/", c))
            buf_append_byte(out, (uint8_t)c);
    }
    buf_fini(&valid);
    return out->len > 0;
}

str_t files_path_folder(str_t path)
{
    size_t len = path.len;
    while (len > 0 && path.p[len - 1] != '/')
        len--;
    return (str_t){path.p, len > 0 ? len - 1 : 0};
}

str_t files_path_last(str_t path)
{
    size_t folder = files_path_folder(path).len;
    size_t skip = folder > 0 || (path.len > 0 && path.p[0] == '/') ? folder + 1 : 0;
    return (str_t){path.p + skip, path.len - skip};
}

bool files_path_is_below(str_t path, str_t folder)
{
    if (folder.len == 0)
        return path.len > 0;
    return path.len > folder.len && path.p[folder.len] == '/' &&
           memcmp(path.p, folder.p, folder.len) == 0;
}

bool files_path_is_reserved(str_t path)
{
    while (path.len > 0) {
        if (str_is(files_path_last(path), FILES_FOLDER_MARK))
            return true;
        path = files_path_folder(path);
    }
    return false;
}
