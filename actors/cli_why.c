/* SPDX-License-Identifier: MIT */
/* iobus why: explains whether a user may do something. */
#include <stdio.h>

#include "actors/cli_auth.h"

static void print_step(mp_t step)
{
    bool allowed = false, unknown = false;
    (void)mp_find_bool(step, "allowed", &allowed);
    (void)mp_find_bool(step, "unknown", &unknown);
    printf("  %-4s", unknown ? "?" : allowed ? "yes" : "no");
    cli_auth_print(cli_auth_text(step, "step"), 8);
    cli_auth_print(cli_auth_text(step, "text"), 0);
    putchar('\n');
}

static void print_answer(mp_t answer, bool allowed)
{
    mp_t steps, step;
    uint32_t count = 0;
    str_t id = cli_auth_text(answer, "id");
    cli_auth_print(cli_auth_text(answer, "user"), 0);
    printf(allowed ? "may call " : "may not call ");
    cli_auth_print(cli_auth_text(answer, "command"), 0);
    if (id.len > 0) {
        printf("on ");
        cli_auth_print(id, 0);
    }
    putchar('\n');
    if (mp_find(answer, "steps", &steps))
        (void)mp_read_array(&steps, &count); /* none */
    for (uint32_t i = 0; i < count && mp_next(&steps, &step); i++)
        print_step(step);
}

static int explain(cli_auth_t *self)
{
    mp_t answer;
    bool allowed = false;
    const cli_auth_args_t *given = &self->given;
    buf_t *args = cli_auth_begin(self, 3);
    for (int i = 0; i < 3; i++) {
        if (i < given->words_len)
            mp_put_cstr(args, given->words[i]);
        else
            mp_put_nil(args);
    }
    int status = cli_auth_call(self, "auth.why", &answer);
    if (status != CLI_OK)
        return status;
    (void)mp_find_bool(answer, "allowed", &allowed);
    if (given->json)
        cli_auth_print_json(answer);
    else
        print_answer(answer, allowed);
    return allowed ? CLI_OK : CLI_FAILED;
}

int cli_why(int argc, char **argv, config_t *config)
{
    static const cli_auth_command_t commands[] = {
        {"", 2, 3, "--json", "USER COMMAND [ID] [--json]", explain},
        {NULL, 0, 0, NULL, NULL, NULL},
    };
    return cli_auth_run(commands, argc, argv, config);
}
