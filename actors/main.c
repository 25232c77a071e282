/* SPDX-License-Identifier: MIT */
/* The program: a table of verbs. What each does stands in a file of its own. */
#include <stdio.h>
#include <string.h>

#include "actors/backup.h"
#include "actors/cli.h"
#include "actors/cli_auth.h"
#include "actors/export.h"
#include "actors/tap_cli.h"

typedef int verb_fn(int argc, char **argv, config_t *config);

typedef struct {
    const char *name;
    verb_fn *run;
    const char *arguments;
    const char *help;
} verb_t;

static verb_fn print_help;
static verb_fn print_version;

static const verb_t verbs[] = {
    {"serve", cli_serve, "", "run the actors and the gateway"},
    {"import", cli_import, "FILE", "take over an ioBroker backup"},
    {"export", cli_export, "FILE", "write all data as an ioBroker backup"},
    {"upload", cli_upload, "FOLDER INSTANCE [--delete]",
     "put a folder of web files into the file store"},
    {"tap", cli_tap, "", "watch the bus"},
    {"user", cli_user, "add|del|list|enable|disable ...", "users, and who of them may log in"},
    {"passwd", cli_passwd, "USER", "give a user a new password"},
    {"group", cli_group, "add|del|list|join|leave ...", "groups and their members"},
    {"token", cli_token, "add|list|revoke ...", "tokens for devices"},
    {"why", cli_why, "USER COMMAND [ID]", "explain whether a user may do something"},
    {"check", cli_check, "", "say what is wrong with the configuration and the data folder"},
    {"version", print_version, "", "print the version"},
    {"help", print_help, "[config]", "print this, or a sample configuration file"},
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

/* Spellings that people try first. */
static const struct {
    const char *word;
    const char *verb;
} aliases[] = {{"--version", "version"}, {"-V", "version"}, {"--help", "help"}, {"-h", "help"}};

static int print(buf_t *text)
{
    bool written = fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
    buf_fini(text);
    return written ? CLI_OK : cli_fail("cannot write to standard output");
}

static int print_version(int argc, char **argv, config_t *config)
{
    (void)config;
    if (argc > 1)
        return cli_usage("version: unexpected argument \"%s\"", argv[1]);
    buf_t text = {0};
    buf_append_cstr(&text, "iobus " IOBUS_VERSION "\n");
    return print(&text);
}

static int print_help(int argc, char **argv, config_t *config)
{
    (void)config;
    buf_t text = {0};
    if (argc == 2 && strcmp(argv[1], "config") == 0) {
        config_sample(&text);
        return print(&text);
    }
    if (argc > 1)
        return cli_usage("help: unexpected argument \"%s\"", argv[1]);
    buf_append_cstr(&text, "usage: iobus VERB [--key=value ...] [argument ...]\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        buf_printf(&text, "  %-7s %-32s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
    buf_append_cstr(&text,
                    "\nKeys, also lines of a file and environment variables (IOBUS_KEY):\n\n");
    config_help(&text);
    return print(&text);
}

static const verb_t *find_verb(const char *word)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcmp(word, aliases[i].word) == 0)
            word = aliases[i].verb;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(word, verbs[i].name) == 0)
            return &verbs[i];
    }
    return NULL;
}

/* "iobus serve --help" asks for the same page. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage("a verb is missing");
    const verb_t *verb = find_verb(argv[1]);
    if (!verb)
        return cli_usage("there is no verb \"%s\"", argv[1]);
    if (wants_help(argc, argv))
        return print_help(1, argv, NULL);
    config_t *config = config_new();
    int status = verb->run(argc - 1, argv + 1, config);
    config_destroy(&config);
    return status;
}
