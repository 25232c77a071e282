/* SPDX-License-Identifier: MIT */
/* Reads a backup (a tar archive, as it is or packed with gzip) from its first to its last byte,
 * checks everything, and hands out what is in it. A backup is read twice: once without operations,
 * to know that all of it is acceptable, and once more to write; so that nothing is written of an
 * archive that is refused.
 *
 * Refused (one line in why): damage and truncation, links and devices, names that leave their
 * folder or occur twice, lines that are no JSON objects, ids that no database takes, values that
 * are too large or nested too deeply, and bombs: bounds on entries, on bytes, and on bytes for each
 * packed byte. Skipped and counted: what iobus has no place for, and what is damaged in recorded
 * values (a file of a day, or a row): the controller that writes them may lose its power, and the
 * original passes over such a file too. An id that occurs twice: the last one counts. Bounded in
 * memory: one line, one file or the one document of the older format at a
 * time, and the set of names. Thread contract: no shared state; uses the locale C.UTF-8 in the
 * calling thread while it runs. */
#ifndef IOBUS_ACTORS_BACKUP_READ_H
#define IOBUS_ACTORS_BACKUP_READ_H

#include "actors/backup_path.h"
#include "bus/config.h"
#include "bus/err.h"
#include "bus/mp.h"

typedef struct {
    size_t max_value;    /* msgpack bytes of one object or state */
    size_t max_line;     /* bytes of one line */
    size_t max_file;     /* bytes of one file */
    size_t max_row;      /* msgpack bytes of one recorded value */
    size_t max_document; /* bytes of backup.json, and of the recorded values of a day */
    uint64_t max_total;  /* unpacked bytes */
    uint64_t max_entries;
    uint64_t max_ratio;  /* unpacked bytes for each packed one ... */
    uint64_t ratio_from; /* ... once more than so many are unpacked */
} backup_limits_t;

/* Each may be NULL. Arguments are borrowed for the call. An error ends the reading; one line in
 * why. */
typedef struct {
    err_t (*object)(void *arg, str_t id, mp_t object, buf_t *why);
    err_t (*state)(void *arg, str_t id, mp_t state, buf_t *why);
    /* mtime_ms: when it was changed, by the archive; 0: not known. */
    err_t (*file)(void *arg, str_t storage, str_t name, str_t bytes, int64_t mtime_ms, buf_t *why);
    /* A value recorded of a state: [ts, val, ack, q, from, user, c], as history_import.h gives it.
     * Those of one day come together. */
    err_t (*value)(void *arg, str_t id, mp_t row, buf_t *why);
    /* Finds the id of a file of recorded values. False: it cannot be found, and the file is
     * skipped. NULL: the id is what the name says. */
    bool (*find_id)(void *arg, str_t file_id, str_t *id);
    void (*progress)(void *arg, uint64_t packed_bytes);
} backup_ops_t;

#define BACKUP_SKIPS_MAX 16
#define BACKUP_EXAMPLE_MAX 96

typedef struct {
    uint64_t objects; /* different ids */
    uint64_t states;
    uint64_t files;
    uint64_t file_bytes;
    uint64_t values;   /* recorded ones, of ... */
    uint64_t recorded; /* ... so many states */
    struct {
        const char *reason; /* static; NULL: the end of the list */
        uint64_t count;
        char example[BACKUP_EXAMPLE_MAX]; /* the first one */
    } skips[BACKUP_SKIPS_MAX];
} backup_summary_t;

/* Limits as the configuration has them (max-value, max-file), the others fixed. */
backup_limits_t backup_limits(const config_t *config);
/* fd: an open regular file, read from its start. host: what stands for the name of the host in
 * backups. ERR_CUSTOM: refused; ERR_IO, ERR_NO_MEMORY; errors of the operations. */
err_t backup_read_fd(int fd, const char *host, const backup_limits_t *limits,
                     const backup_ops_t *ops, void *arg, backup_summary_t *summary,
                     buf_t *why) MUST_USE;
/* The same from memory (fuzzing, tests). */
err_t backup_read_memory(str_t data, const char *host, const backup_limits_t *limits,
                         const backup_ops_t *ops, void *arg, backup_summary_t *summary,
                         buf_t *why) MUST_USE;

#endif
