/* SPDX-License-Identifier: MIT */
/* Configuration: one table of keys. Every key is a line `key = value` of the file, an environment
 * variable IOBUS_KEY (dashes as underscores), a flag --key=value or --key value; the flag wins over
 * the environment, that over the file, that over the default, in whatever order they are read.
 * Unknown keys and bad values fail with file, line and column (in bytes, from 1). The same table
 * prints the help and the sample file.
 * File: lines `key = value`, `#` comments, blank lines; values may be "quoted" (\" and \\ within).
 * A key that may be repeated (listen, endpoint) collects within one source; in the environment its
 * values are separated by blanks. An empty environment variable counts as not set, an unknown one
 * is logged and left alone (container platforms invent some).
 * Values: sizes 65536, 16k, 200m, 2g; times 10000 (ms), 100ms, 10s, 5m, 1h; on off true false 1 0;
 * networks (bus/cidr.h) 10.0.0.0/8,::1, or nothing.
 * config.c holds the values, config_read.c the sources.
 * Thread contract: a config_t is filled by one thread; afterwards it is read-only, each actor holds
 * a copy (config_copy), and a reload is a new one. */
#ifndef IOBUS_BUS_CONFIG_H
#define IOBUS_BUS_CONFIG_H

#include "bus/buf.h"
#include "bus/err.h"

typedef enum {
    CONFIG_TEXT,
    CONFIG_INT,
    CONFIG_BOOL,
    CONFIG_SIZE,
    CONFIG_MS,
    CONFIG_CHOICE,
    CONFIG_LIST,
    CONFIG_NETS
} config_kind_t;

typedef struct {
    const char *name; /* "max-message" */
    config_kind_t kind;
    const char *fallback; /* default as text */
    int64_t min, max;     /* for numbers; 0,0: no bounds; max 0: no upper bound */
    const char *choices;  /* for CONFIG_CHOICE: "none|process|power" */
    bool reloadable;      /* takes effect on SIGHUP */
    const char *help;     /* one line */
} config_key_t;

/* Who set a value; a later one wins over an earlier one. */
typedef enum {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENV,
    CONFIG_FROM_FLAG,
    CONFIG_FROM_PROGRAM
} config_source_t;

/* The table, ends with name NULL (bus/config_keys.def). */
const config_key_t *config_keys(void);
/* The row of a key, or NULL. */
const config_key_t *config_key_find(str_t name);
/* The key that somebody who wrote name may have meant (at most two letters away), or NULL. */
const config_key_t *config_key_near(str_t name);

/* config_t is declared in bus/env.h as well. */
typedef struct config config_t;

config_t *config_new(void); /* all defaults; caller owns */
void config_destroy(config_t **self_p);
config_t *config_copy(const config_t *self); /* caller owns */

/* on true 1, off false 0; false for any other text. */
bool config_parse_bool(str_t text, bool *out);

/* Checks the value and sets it, unless a stronger source has set the key already. label names the
 * key in the message: "batch", "--batch", "IOBUS_BATCH". ERR_CONFIG with one line in why. */
err_t config_assign(config_t *self, config_source_t source, const config_key_t *key,
                    const char *label, str_t value, buf_t *why) MUST_USE;
/* The same for a program, with the key's name; wins over all other sources. */
err_t config_set(config_t *self, const char *key, str_t value, buf_t *why) MUST_USE;

/* Back to the default, as if nobody had set it. The key must exist. */
void config_unset(config_t *self, const char *key);

/* Reads a file. On error one line "FILE:LINE:COLUMN: what" in why. ERR_CONFIG, ERR_IO. */
err_t config_read_file(config_t *self, const char *path, buf_t *why) MUST_USE;
/* The same from memory (tests, fuzzing). */
err_t config_read_text(config_t *self, const char *name, str_t text, buf_t *why) MUST_USE;
err_t config_read_env(config_t *self, char **environ_list, buf_t *why) MUST_USE;
/* Takes the flags out of argv (argc is updated; what stays are argv[0] and the words that are no
 * flags, in order). A BOOL flag may stand alone (--demo). `extra` (NULL-terminated, may be NULL)
 * names flags without a key that the verb itself understands ("--dry-run"); they stay. Behind "--"
 * everything stays. ERR_BAD_ARGS: wrong usage. */
err_t config_read_args(config_t *self, int *argc, char **argv, const char *const *extra,
                       buf_t *why) MUST_USE;
/* File < environment < flags; the file is the value of the flag or variable `config`. */
err_t config_load(config_t *self, int *argc, char **argv, char **environ_list,
                  const char *const *extra, buf_t *why) MUST_USE;
/* For SIGHUP: takes the values of fresh for the reloadable keys and appends to `kept`, separated by
 * blanks, the names of the other keys that differ and need a restart. */
void config_reload(config_t *self, const config_t *fresh, buf_t *kept);

/* Reading asserts that the key exists and has the kind: a wrong key is a programming error. */
const char *config_text(const config_t *self, const char *key); /* TEXT, CHOICE, NETS */
int64_t config_int(const config_t *self, const char *key);      /* INT, SIZE in bytes, MS */
bool config_bool(const config_t *self, const char *key);
/* Values of a list key; *count receives the number; valid as long as the config. */
const char *const *config_list(const config_t *self, const char *key, size_t *count);
/* Whether somebody set it (file, environment, flag). */
bool config_is_set(const config_t *self, const char *key);

/* Help text of all keys for --help, and the commented sample file. */
void config_help(buf_t *out);
void config_sample(buf_t *out);

#endif
