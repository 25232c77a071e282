/* SPDX-License-Identifier: MIT */
#include "actors/mime.h"

#include <ctype.h>
#include <string.h>

#define EXTENSION_MAX 15

typedef struct {
    const char *extension;
    const char *type;
} row_t;

static const row_t rows[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"conf", "text/plain"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"eot", "application/vnd.ms-fontobject"},
    {"flac", "audio/x-flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"ini", "text/plain"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "application/javascript"},
    {"json", "application/json"},
    {"json5", "application/json5"},
    {"less", "text/less"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown"},
    {"mjs", "application/javascript"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"rar", "application/vnd.rar"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"vtt", "text/vtt"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wave"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xml", "application/xml"},
    {"yaml", "text/yaml"},
    {"yml", "text/yaml"},
    {"zip", "application/zip"},
};

/* The lower-cased text behind the last dot of the last part; false when there is none. */
static bool extension_of(str_t name, char out[EXTENSION_MAX + 1])
{
    size_t at = name.len;
    while (at > 0 && name.p[at - 1] != '.' && name.p[at - 1] != '/')
        at--;
    if (at == 0 || name.p[at - 1] == '/' || at == name.len || name.len - at > EXTENSION_MAX)
        return false;
    for (size_t i = at; i < name.len; i++)
        out[i - at] = (char)tolower((unsigned char)name.p[i]);
    out[name.len - at] = '\0';
    return true;
}

static const row_t *find(str_t name)
{
    char extension[EXTENSION_MAX + 1];
    if (!extension_of(name, extension))
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].extension, extension) == 0)
            return &rows[i];
    }
    return NULL;
}

bool mime_is_known(str_t name)
{
    return find(name) != NULL;
}

bool mime_is_text(str_t name, str_t type)
{
    static const char *const extensions[] = {"js", "json", "svg"};
    char extension[EXTENSION_MAX + 1];
    if (str_starts(type, "text/"))
        return true;
    if (!extension_of(name, extension))
        return false;
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        if (strcmp(extensions[i], extension) == 0)
            return true;
    }
    return false;
}

mime_t mime_of(str_t name, bool data_is_text)
{
    const row_t *row = find(name);
    if (row)
        return (mime_t){str_of(row->type), mime_is_text(name, str_of(row->type))};
    if (data_is_text)
        return (mime_t){STR_LIT("text/plain"), true};
    return (mime_t){STR_LIT("application/octet-stream"), false};
}
