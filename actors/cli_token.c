/* SPDX-License-Identifier: MIT */
/* iobus token: tokens for devices, like a tablet on the wall. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/cli_auth.h"

#define SECONDS_MAX 3153600000 /* a hundred years */

/* "90d", "12h", "30m", "60s", "60": in seconds. */
static bool read_ttl(const char *text, int64_t *seconds)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    char *end;
    long long number = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text[0] < '0' || text[0] > '9' || strcmp(end, units[i].unit) != 0)
            continue;
        if (number < 1 || number > SECONDS_MAX / units[i].seconds)
            return false;
        *seconds = number * units[i].seconds;
        return true;
    }
    return false;
}

static int token_add(cli_auth_t *self)
{
    mp_t value;
    int64_t seconds = 0;
    const cli_auth_args_t *given = &self->given;
    if (given->ttl && !read_ttl(given->ttl, &seconds))
        return cli_usage("token: --ttl: expected a time like 90d, 12h or 30m");
    buf_t *args = cli_auth_begin(self, 3);
    mp_put_cstr(args, given->words[0]);
    mp_put_cstr(args, given->words[1]);
    mp_put_map(args, given->ttl ? 2 : 1);
    mp_put_cstr(args, "readOnly");
    mp_put_bool(args, given->read_only);
    if (given->ttl) {
        mp_put_cstr(args, "ttl");
        mp_put_int(args, seconds);
    }
    int status = cli_auth_call(self, "auth.device.add", &value);
    if (status != CLI_OK)
        return status;
    if (given->json)
        cli_auth_print_json(value);
    else
        printf("%.*s\n", STR_ARG(cli_auth_text(value, "token")));
    return CLI_OK;
}

static void print_time(mp_t token, const char *key, const char *none)
{
    double ms;
    char text[32];
    struct tm parts;
    time_t seconds;
    snprintf(text, sizeof text, "%s", none);
    if (mp_find_double(token, key, &ms) && ms > 0 && ms < 4e15) {
        seconds = (time_t)(ms / 1000);
        if (gmtime_r(&seconds, &parts))
            strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &parts);
    }
    printf("%-18s", text);
}

static void print_token(mp_t token)
{
    bool read_only = false;
    (void)mp_find_bool(token, "readOnly", &read_only);
    cli_auth_print(cli_auth_text(token, "id"), 12);
    cli_auth_print(cli_auth_text(token, "user"), 25);
    cli_auth_print(cli_auth_text(token, "name"), 20);
    printf("%-10s used ", read_only ? "read-only" : "");
    print_time(token, "seenAt", "never");
    cli_auth_print(cli_auth_text(token, "address"), 15);
    printf("until ");
    print_time(token, "expiresAt", "revoked");
    putchar('\n');
}

static int token_list(cli_auth_t *self)
{
    buf_t *args = cli_auth_begin(self, 1);
    if (self->given.user)
        mp_put_cstr(args, self->given.user);
    else
        mp_put_nil(args);
    return cli_auth_list(self, "auth.device.list", print_token);
}

static int token_revoke(cli_auth_t *self)
{
    mp_t value;
    mp_put_cstr(cli_auth_begin(self, 1), self->given.words[0]);
    int status = cli_auth_call(self, "auth.device.revoke", &value);
    if (status != CLI_OK)
        return status;
    cli_auth_print(cli_auth_text(value, "id"), 0);
    cli_auth_print(cli_auth_text(value, "name"), 0);
    printf("revoked\n");
    return CLI_OK;
}

int cli_token(int argc, char **argv, config_t *config)
{
    static const cli_auth_command_t commands[] = {
        {"add", 2, 2, "--read-only --ttl --json", "USER NAME [--read-only] [--ttl 90d] [--json]",
         token_add},
        {"list", 0, 0, "--user --json", "[--user USER] [--json]", token_list},
        {"revoke", 1, 1, "", "ID|NAME", token_revoke},
        {NULL, 0, 0, NULL, NULL, NULL},
    };
    return cli_auth_run(commands, argc, argv, config);
}
