/* SPDX-License-Identifier: MIT */
/* iobus user and iobus passwd. */
#include <stdio.h>

#include "actors/cli_auth.h"

static int call_and_tell(cli_auth_t *self, const char *command, const char *done)
{
    mp_t value;
    str_t id = {"", 0};
    int status = cli_auth_call(self, command, &value);
    if (status != CLI_OK)
        return status;
    if (!mp_read_str(&value, &id))
        id = str_of(self->given.words[0]);
    cli_auth_print(id, 0);
    printf("%s\n", done);
    return CLI_OK;
}

static int user_add(cli_auth_t *self)
{
    buf_t password = {0};
    const cli_auth_args_t *given = &self->given;
    int status = given->no_password ? CLI_OK : cli_auth_password(self, &password);
    if (status == CLI_OK && !given->no_password && password.len == 0)
        status = cli_fail("%s: the password must not be empty (or --no-password)", self->verb);
    if (status == CLI_OK) {
        buf_t *args = cli_auth_begin(self, 3);
        mp_put_cstr(args, given->words[0]);
        mp_put_str(args, buf_str(&password));
        mp_put_array(args, (uint32_t)given->groups_len);
        for (int i = 0; i < given->groups_len; i++)
            mp_put_cstr(args, given->groups[i]);
        status = call_and_tell(self, "auth.user.add", "added");
    }
    cli_auth_wipe(&password);
    return status;
}

static int user_del(cli_auth_t *self)
{
    mp_put_cstr(cli_auth_begin(self, 1), self->given.words[0]);
    return call_and_tell(self, "auth.user.del", "deleted");
}

static int set_enabled(cli_auth_t *self, bool enabled)
{
    buf_t *args = cli_auth_begin(self, 2);
    mp_put_cstr(args, self->given.words[0]);
    mp_put_bool(args, enabled);
    return call_and_tell(self, "auth.user.enable", enabled ? "enabled" : "disabled");
}

static int user_enable(cli_auth_t *self)
{
    return set_enabled(self, true);
}

static int user_disable(cli_auth_t *self)
{
    return set_enabled(self, false);
}

static void print_groups(mp_t user)
{
    mp_t groups, item;
    uint32_t count = 0;
    str_t id;
    if (mp_find(user, "groups", &groups))
        (void)mp_read_array(&groups, &count); /* none */
    for (uint32_t i = 0; i < count && mp_next(&groups, &item); i++) {
        if (mp_read_str(&item, &id))
            cli_auth_print(id, 0);
    }
}

static void print_user(mp_t user)
{
    double sessions = 0, devices = 0;
    bool enabled = false, password = false;
    (void)mp_find_double(user, "sessions", &sessions);
    (void)mp_find_double(user, "devices", &devices);
    (void)mp_find_bool(user, "enabled", &enabled);
    (void)mp_find_bool(user, "password", &password);
    cli_auth_print(cli_auth_text(user, "id"), 30);
    cli_auth_print(cli_auth_text(user, "name"), 20);
    printf("%-9s %-11s %4.0f log-ins %3.0f tokens  ", enabled ? "enabled" : "disabled",
           password ? "" : "no password", sessions, devices);
    print_groups(user);
    putchar('\n');
}

static int user_list(cli_auth_t *self)
{
    (void)cli_auth_begin(self, 0);
    return cli_auth_list(self, "auth.user.list", print_user);
}

int cli_user(int argc, char **argv, config_t *config)
{
    static const cli_auth_command_t commands[] = {
        {"add", 1, 1, "--group --stdin --no-password",
         "NAME [--group GROUP]... [--stdin | --no-password]", user_add},
        {"del", 1, 1, "", "NAME", user_del},
        {"list", 0, 0, "--json", "[--json]", user_list},
        {"enable", 1, 1, "", "NAME", user_enable},
        {"disable", 1, 1, "", "NAME", user_disable},
        {NULL, 0, 0, NULL, NULL, NULL},
    };
    return cli_auth_run(commands, argc, argv, config);
}

static int change_password(cli_auth_t *self)
{
    buf_t password = {0};
    int status = cli_auth_password(self, &password);
    if (status == CLI_OK) {
        buf_t *args = cli_auth_begin(self, 2);
        mp_put_cstr(args, self->given.words[0]);
        mp_put_str(args, buf_str(&password));
        status = call_and_tell(self, "auth.passwd", "has a new password");
    }
    cli_auth_wipe(&password);
    return status;
}

int cli_passwd(int argc, char **argv, config_t *config)
{
    static const cli_auth_command_t commands[] = {
        {"", 1, 1, "--stdin", "USER [--stdin]", change_password},
        {NULL, 0, 0, NULL, NULL, NULL},
    };
    return cli_auth_run(commands, argc, argv, config);
}
