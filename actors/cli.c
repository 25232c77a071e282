/* SPDX-License-Identifier: MIT */
#include "actors/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static void report(const char *format, va_list args)
{
    fputs("iobus: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(format, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(format, args);
    va_end(args);
    fputs(
        "usage: iobus VERB [--key=value ...] [argument ...]; \"iobus help\" lists verbs and keys\n",
        stderr);
    return CLI_USAGE;
}

int cli_load(config_t *config, int *argc, char **argv, const char *const *extra)
{
    buf_t why = {0};
    int status = CLI_OK;
    err_t err = config_load(config, argc, argv, environ, extra, &why);
    if (err == ERR_BAD_ARGS)
        status = cli_usage("%.*s", STR_ARG(buf_str(&why)));
    else if (err != ERR_OK)
        status = cli_fail("%.*s", STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return status;
}
