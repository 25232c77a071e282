/* SPDX-License-Identifier: MIT */
/* What the names in a backup mean, and which of them no honest backup has. Layout:
 *
 *   backup/config.json     backup/objects.jsonl   backup/states.jsonl   (js-controller 7)
 *   backup/backup.json                                                  (before)
 *   backup/files/ID/PATH   files of storage ID
 *   history/YYYYMMDD/history.ID.json                                    values of a day
 *
 * A leading "./" and the folder "backup/" may be missing. Source: the README of the conformance
 * data; what `iobroker backup` of js-controller 1 to 7 writes. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_BACKUP_PATH_H
#define IOBUS_ACTORS_BACKUP_PATH_H

#include "bus/buf.h"

#define BACKUP_ID_MAX 4096   /* bytes of an id */
#define BACKUP_PATH_MAX 6000 /* bytes of a name in the archive */
/* What the store of files takes. */
#define BACKUP_STORAGE_MAX 1024
#define BACKUP_NAME_MAX 4096
#define BACKUP_PART_MAX 255

typedef enum {
    BACKUP_OBJECTS,
    BACKUP_STATES,
    BACKUP_DOCUMENT, /* backup.json */
    BACKUP_CONFIG,
    BACKUP_FILE,
    BACKUP_HISTORY,
    BACKUP_OTHER
} backup_kind_t;

typedef struct {
    backup_kind_t kind;
    str_t path;    /* without "./" and "backup/" */
    str_t storage; /* BACKUP_FILE: "vis.0" */
    str_t name;    /* BACKUP_FILE: "main/vis-views.json" */
    str_t day;     /* BACKUP_HISTORY: "20231113"; empty: it has no values in it */
    str_t id;      /* BACKUP_HISTORY: as it stands in the name (history_import.h) */
} backup_path_t;

/* Why an entry with this name makes the whole archive unacceptable; NULL: it does not.
 * Valid: "backup/files/vis.0/a b.txt", "./backup/", "x". Invalid: "", "/etc/passwd", "a/../b",
 * "a//b", "a/./b", "a\\b", control characters, what is not UTF-8. */
const char *backup_path_check(str_t path);
/* What a checked name means. Borrows from path. */
backup_path_t backup_path_parse(str_t path);

/* Why this cannot be the id of an object or a state; NULL: it can. Refused are the empty id,
 * control characters, and what the original's database refuses: * ? [ ] and $%$
 * (data-model.md 1.1). */
const char *backup_id_check(str_t id);

#endif
