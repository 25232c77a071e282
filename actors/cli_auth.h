/* SPDX-License-Identifier: MIT */
/* What the verbs about users share: their second words ("iobus user add"), flags, the way to the
 * auth actor (of the running server, otherwise of one that runs for as long as the verb does), and
 * asking for a password. Thread contract: main thread. */
#ifndef IOBUS_ACTORS_CLI_AUTH_H
#define IOBUS_ACTORS_CLI_AUTH_H

#include "actors/cli.h"
#include "actors/tool_bus.h"

#define CLI_AUTH_WORDS 8 /* that may follow a verb */
#define CLI_AUTH_GROUPS 32

/* What was given behind the verb. Flags that a command does not know are an error. */
typedef struct {
    const char *words[CLI_AUTH_WORDS];
    int words_len;
    const char *server, *like, *description, *ttl, *user;
    const char *groups[CLI_AUTH_GROUPS];
    int groups_len;
    bool use_stdin, json, read_only, no_password;
} cli_auth_args_t;

typedef struct {
    config_t *config;
    const char *verb;
    cli_auth_args_t given;
    tool_bus_t *bus;
    buf_t args;   /* of the request that is being made */
    buf_t answer; /* of the last one */
} cli_auth_t;

typedef struct {
    const char *name;             /* "add"; "" when the verb has no second word */
    int words_min, words_max;     /* behind it */
    const char *flags;            /* that it knows beside --server: "--stdin --group" */
    const char *usage;            /* "NAME [--group GROUP]..." */
    int (*run)(cli_auth_t *self); /* exit status */
} cli_auth_command_t;

/* Runs the command that argv names; commands ends with name NULL. */
int cli_auth_run(const cli_auth_command_t *commands, int argc, char **argv, config_t *config);

/* --- for commands ------------------------------------------------------------------------------
 */

/* Begins a request with so many arguments in self->args; the caller writes them. */
buf_t *cli_auth_begin(cli_auth_t *self, uint32_t count);
/* Sends it to the auth actor; the answer's second element is *value (nil when there is none).
 * CLI_OK, or the exit status after the error has been reported. */
int cli_auth_call(cli_auth_t *self, const char *command, mp_t *value);
/* The same for a list: each element by print, or with --json all as JSON. */
int cli_auth_list(cli_auth_t *self, const char *command, void (*print)(mp_t item));
/* A password: a line of standard input with --stdin, otherwise typed twice at the terminal. CLI_OK,
 * or the exit status after a problem has been reported. The caller wipes it with
 * cli_auth_wipe. */
int cli_auth_password(cli_auth_t *self, buf_t *password);
void cli_auth_wipe(buf_t *password);
/* Prints a value as JSON and a line break. */
void cli_auth_print_json(mp_t value);
/* Prints a text for a terminal, at least `width` wide. */
void cli_auth_print(str_t text, int width);
/* Text of a key, "" when there is none. A name in several languages: the English one. */
str_t cli_auth_text(mp_t map, const char *key);

int cli_user(int argc, char **argv, config_t *config);
int cli_passwd(int argc, char **argv, config_t *config);
int cli_group(int argc, char **argv, config_t *config);
int cli_token(int argc, char **argv, config_t *config);
int cli_why(int argc, char **argv, config_t *config);

#endif
