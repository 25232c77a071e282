/* SPDX-License-Identifier: MIT */
/* Names of files as clients write them, brought into the one form in which they are stored: parts
 * separated by single '/', no '/' at either end, no "." and "..". A name cannot leave its storage.
 * Source: data-model.md 6.2. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_FILES_PATH_H
#define IOBUS_ACTORS_FILES_PATH_H

#include "bus/buf.h"

#define FILES_PATH_MAX 4096 /* bytes of a whole name */
#define FILES_PART_MAX 255  /* bytes between two slashes, as file systems have it */
#define FILES_ID_MAX 1024   /* bytes of the id of a storage */

typedef enum {
    FILES_PATH_FINE,
    FILES_PATH_ROOT,    /* the storage itself: "", "/", "//" */
    FILES_PATH_NOWHERE, /* ".." led to the root: names nothing (the original finds nothing there) */
    FILES_PATH_TOO_LONG,
    FILES_PATH_BAD /* a NUL */
} files_path_t;

/* Appends the clean form of name; out is empty unless the result is FINE. id: the clean id of the
 * storage ("x.admin" has its own prefix rule).
 *
 *     "/main//img\\a.png" -> "main/img/a.png"     "a/../../b" -> "b"     "../.." -> NOWHERE
 */
files_path_t files_path_clean(str_t id, str_t name, buf_t *out);

/* Appends the id without the characters that no storage has; false when nothing is left, it is too
 * long or holds a NUL. */
bool files_path_clean_id(str_t id, buf_t *out);

/* The part before the last '/' ("" when there is none) and the part behind it. */
str_t files_path_folder(str_t path);
str_t files_path_last(str_t path);
/* Name under which import and export see a folder that was made as such (data-model.md 6.4). */
#define FILES_FOLDER_MARK "_data.json"
/* Whether a part of the path is that name, which no file or folder of a client can have. */
bool files_path_is_reserved(str_t path);
/* Whether path lies in folder, at any depth. Every path but "" lies in "". */
bool files_path_is_below(str_t path, str_t folder);

#endif
