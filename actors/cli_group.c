/* SPDX-License-Identifier: MIT */
/* iobus group. */
#include <stdio.h>

#include "actors/cli_auth.h"

static int call_and_tell(cli_auth_t *self, const char *command, const char *done)
{
    mp_t value;
    str_t id = {"", 0};
    int status = cli_auth_call(self, command, &value);
    if (status != CLI_OK)
        return status;
    (void)mp_read_str(&value, &id); /* it is always there */
    cli_auth_print(id, 0);
    printf("%s ", done);
    if (self->given.words_len > 1)
        cli_auth_print(str_of(self->given.words[1]), 0);
    putchar('\n');
    return CLI_OK;
}

/* Without --like its members get the rights of ordinary users. */
static int group_add(cli_auth_t *self)
{
    const cli_auth_args_t *given = &self->given;
    buf_t *args = cli_auth_begin(self, 3);
    mp_put_cstr(args, given->words[0]);
    mp_put_cstr(args, given->description ? given->description : "");
    mp_put_cstr(args, given->like ? given->like : "system.group.user");
    return call_and_tell(self, "auth.group.add", "added");
}

static int group_del(cli_auth_t *self)
{
    mp_put_cstr(cli_auth_begin(self, 1), self->given.words[0]);
    return call_and_tell(self, "auth.group.del", "deleted");
}

static int change_members(cli_auth_t *self, const char *command, const char *done)
{
    buf_t *args = cli_auth_begin(self, 2);
    mp_put_cstr(args, self->given.words[0]);
    mp_put_cstr(args, self->given.words[1]);
    return call_and_tell(self, command, done);
}

static int group_join(cli_auth_t *self)
{
    return change_members(self, "auth.group.join", "was joined by");
}

static int group_leave(cli_auth_t *self)
{
    return change_members(self, "auth.group.leave", "was left by");
}

static void print_group(mp_t group)
{
    mp_t members, item;
    uint32_t count = 0;
    str_t id;
    cli_auth_print(cli_auth_text(group, "id"), 30);
    cli_auth_print(cli_auth_text(group, "name"), 20);
    if (mp_find(group, "members", &members))
        (void)mp_read_array(&members, &count); /* none */
    for (uint32_t i = 0; i < count && mp_next(&members, &item); i++) {
        if (mp_read_str(&item, &id))
            cli_auth_print(id, 0);
    }
    putchar('\n');
}

static int group_list(cli_auth_t *self)
{
    (void)cli_auth_begin(self, 0);
    return cli_auth_list(self, "auth.group.list", print_group);
}

int cli_group(int argc, char **argv, config_t *config)
{
    static const cli_auth_command_t commands[] = {
        {"add", 1, 1, "--description --like", "NAME [--description TEXT] [--like GROUP]",
         group_add},
        {"del", 1, 1, "", "NAME", group_del},
        {"list", 0, 0, "--json", "[--json]", group_list},
        {"join", 2, 2, "", "GROUP USER", group_join},
        {"leave", 2, 2, "", "GROUP USER", group_leave},
        {NULL, 0, 0, NULL, NULL, NULL},
    };
    return cli_auth_run(commands, argc, argv, config);
}
