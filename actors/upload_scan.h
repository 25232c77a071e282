/* SPDX-License-Identifier: MIT */
/* The files of a folder that are to be uploaded: regular files and links to such, at any depth, in
 * the order of their names. Nothing outside the folder is ever opened, whatever a link says, also
 * when the folder is changed meanwhile.
 * Left out and counted: hidden names (".git"), ".npmignore", ".gitignore" and "_data.json" as the
 * original leaves them out, links to folders or to outside, what is no file (sockets, devices), and
 * names that the file store would change. Thread contract: one thread; every function may block. */
#ifndef IOBUS_ACTORS_UPLOAD_SCAN_H
#define IOBUS_ACTORS_UPLOAD_SCAN_H

#include "bus/buf.h"
#include "bus/err.h"

#define UPLOAD_FILES_MAX 1000000u

typedef struct {
    char *path;    /* from the folder on, parts separated by '/' */
    uint64_t size; /* when it was looked at */
} upload_file_t;

typedef enum {
    UPLOAD_HIDDEN,
    UPLOAD_LINK,
    UPLOAD_SPECIAL,
    UPLOAD_NAME,
    UPLOAD_REASONS /* how many there are */
} upload_reason_t;

typedef struct upload_scan upload_scan_t;

/* Reads the folder; of a package (a folder with an io-package.json) what it has for the web: www,
 * for a storage "NAME.admin" admin. NULL: one line in why. Caller owns. */
upload_scan_t *upload_scan_new(const char *folder, str_t storage, buf_t *why);
void upload_scan_destroy(upload_scan_t **self_p);
size_t upload_scan_count(const upload_scan_t *self);
const upload_file_t *upload_scan_at(const upload_scan_t *self, size_t index);
bool upload_scan_has(const upload_scan_t *self, str_t path);
/* Whether a file of this path would stand in the way: where a folder of the files has to be, or
 * below one of them. */
bool upload_scan_blocked_by(const upload_scan_t *self, str_t path);
/* Of all files. */
uint64_t upload_scan_bytes(const upload_scan_t *self);
/* How many were left out for the reason; example: the first of them, borrowed. */
size_t upload_scan_left_out(const upload_scan_t *self, upload_reason_t reason,
                            const char **example);
/* "hidden files" */
const char *upload_reason_text(upload_reason_t reason);
/* Opens a file for reading; -1: one line in why. Caller closes. */
int upload_scan_open(const upload_scan_t *self, const upload_file_t *file, buf_t *why);

#endif
