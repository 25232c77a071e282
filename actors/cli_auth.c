/* SPDX-License-Identifier: MIT */
#include "actors/cli_auth.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "actors/password.h"
#include "actors/safe_text.h"
#include "bus/json.h"
#include "bus/log.h"

/* --- arguments -------------------------------------------------------------------------------- */

static const char *const all_flags[] = {
    "--server", "--like", "--description", "--ttl",         "--user", "--group",
    "--stdin",  "--json", "--read-only",   "--no-password", NULL};

typedef struct {
    const char *name;
    const char **value; /* a flag with a value */
    bool *flag;         /* one without */
} flag_t;

/* Whether the command knows the flag: it stands among the words of its list. */
static bool knows(const cli_auth_command_t *command, const char *flag)
{
    size_t len = strlen(flag);
    const char *at = strstr(command->flags, flag);
    return strcmp(flag, "--server") == 0 || (at && (at[len] == ' ' || at[len] == '\0'));
}

/* Name of the flag of a word; NULL: it is none of ours. */
static const char *flag_of(const char *word)
{
    for (size_t i = 0; all_flags[i]; i++) {
        size_t len = strlen(all_flags[i]);
        if (strncmp(word, all_flags[i], len) == 0 && (word[len] == '\0' || word[len] == '='))
            return all_flags[i];
    }
    return NULL;
}

static int bad_usage(const char *verb, const cli_auth_command_t *command)
{
    return cli_usage("%s: iobus %s%s%s %s", verb, verb, command->name[0] ? " " : "", command->name,
                     command->usage);
}

static bool take_flag(cli_auth_args_t *given, int argc, char **argv, int *at)
{
    const char *group = NULL;
    const flag_t flags[] = {{"--server", &given->server, NULL},
                            {"--like", &given->like, NULL},
                            {"--description", &given->description, NULL},
                            {"--ttl", &given->ttl, NULL},
                            {"--user", &given->user, NULL},
                            {"--group", &group, NULL},
                            {"--stdin", NULL, &given->use_stdin},
                            {"--json", NULL, &given->json},
                            {"--read-only", NULL, &given->read_only},
                            {"--no-password", NULL, &given->no_password}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].flag && strcmp(argv[*at], flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
        if (!flags[i].value || !tool_flag(argc, argv, at, flags[i].name, flags[i].value))
            continue;
        if (group && given->groups_len < CLI_AUTH_GROUPS)
            given->groups[given->groups_len++] = group;
        return *flags[i].value != NULL;
    }
    return false;
}

/* argv[from] is the first word behind the verb and its second word. */
static bool read_args(cli_auth_args_t *given, const cli_auth_command_t *command, int argc,
                      char **argv, int from)
{
    for (int i = from; i < argc; i++) {
        const char *flag = flag_of(argv[i]);
        if (flag && (!knows(command, flag) || !take_flag(given, argc, argv, &i)))
            return false;
        if (flag)
            continue;
        if (argv[i][0] == '-' || given->words_len == CLI_AUTH_WORDS)
            return false;
        given->words[given->words_len++] = argv[i];
    }
    return given->words_len >= command->words_min && given->words_len <= command->words_max;
}

static const cli_auth_command_t *find_command(const cli_auth_command_t *commands, int argc,
                                              char **argv)
{
    if (commands[0].name[0] == '\0')
        return commands;
    for (; argc > 1 && commands->name; commands++) {
        if (strcmp(argv[1], commands->name) == 0)
            return commands;
    }
    return NULL;
}

static int list_commands(const cli_auth_command_t *commands, const char *verb)
{
    buf_t text = {0};
    for (size_t i = 0; commands[i].name; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", commands[i].name);
    int status = cli_usage("%s: expected one of %.*s", verb, STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return status;
}

/* --- the way to the actor --------------------------------------------------------------------- */

/* A data folder is not made on the way: nobody wants users in a folder with a wrong name. */
static err_t check_data(cli_auth_t *self, buf_t *why)
{
    struct stat info;
    const char *data = config_text(self->config, "data");
    if (self->given.server)
        return tool_use_server(self->config, self->given.server, why);
    if (config_is_set(self->config, "run") || (stat(data, &info) == 0 && S_ISDIR(info.st_mode)))
        return ERR_OK;
    buf_printf(why, "there is no data folder %s", data);
    return ERR_IO;
}

static int open_bus(cli_auth_t *self)
{
    buf_t why = {0};
    err_t err = check_data(self, &why);
    if (err == ERR_OK)
        self->bus = tool_bus_open(self->config, self->given.server != NULL, false, &why);
    int status = self->bus ? CLI_OK : cli_fail("%s: %.*s", self->verb, STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return status;
}

static int close_bus(cli_auth_t *self, int status)
{
    buf_t why = {0};
    if (!tool_bus_close(&self->bus, &why))
        status = cli_fail("%s: %.*s", self->verb, STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return status;
}

int cli_auth_run(const cli_auth_command_t *commands, int argc, char **argv, config_t *config)
{
    cli_auth_t self = {.config = config, .verb = argv[0]};
    int status = cli_load(config, &argc, argv, all_flags);
    if (status != CLI_OK)
        return status;
    const cli_auth_command_t *command = find_command(commands, argc, argv);
    if (!command)
        return list_commands(commands, argv[0]);
    if (!read_args(&self.given, command, argc, argv, command->name[0] ? 2 : 1))
        return bad_usage(argv[0], command);
    status = open_bus(&self);
    if (status == CLI_OK)
        status = close_bus(&self, command->run(&self));
    cli_auth_wipe(&self.args);
    cli_auth_wipe(&self.answer);
    if (fflush(stdout) != 0)
        status = cli_fail("cannot write to standard output");
    return status;
}

buf_t *cli_auth_begin(cli_auth_t *self, uint32_t count)
{
    buf_reset(&self->args);
    mp_put_array(&self->args, count);
    return &self->args;
}

int cli_auth_call(cli_auth_t *self, const char *command, mp_t *value)
{
    static const uint8_t nil[] = {0xc0};
    buf_t why = {0}, shown = {0};
    mp_t first;
    str_t text;
    int status = CLI_OK;
    err_t err =
        tool_bus_call(self->bus, "auth", command, mp_of_buf(&self->args), &self->answer, &why);
    if (err != ERR_OK) {
        bool said = mp_at(mp_of_buf(&self->answer), 0, &first) && mp_read_str(&first, &text);
        safe_text_put(&shown, said ? text : buf_str(&why), 1000);
        status = cli_fail("%s: %.*s", self->verb, STR_ARG(buf_str(&shown)));
    } else if (!mp_at(mp_of_buf(&self->answer), 1, value)) {
        *value = mp_of(nil, sizeof nil);
    }
    buf_fini(&why);
    buf_fini(&shown);
    return status;
}

int cli_auth_list(cli_auth_t *self, const char *command, void (*print)(mp_t item))
{
    mp_t list, item;
    uint32_t count;
    int status = cli_auth_call(self, command, &list);
    if (status != CLI_OK)
        return status;
    if (self->given.json) {
        cli_auth_print_json(list);
        return CLI_OK;
    }
    if (!mp_read_array(&list, &count))
        return cli_fail("%s: unexpected answer", self->verb);
    for (uint32_t i = 0; i < count && mp_next(&list, &item); i++)
        print(item);
    return CLI_OK;
}

/* --- passwords -------------------------------------------------------------------------------- */

void cli_auth_wipe(buf_t *password)
{
    if (password->data)
        OPENSSL_cleanse(password->data, password->cap);
    buf_fini(password);
}

/* One line without its end; false: there is none, or it is too long. Reads byte by byte: what
 * stdio buffered would stay in memory. */
static bool read_line(buf_t *line)
{
    char c;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
        if (line->len > PASSWORD_MAX || !buf_reserve(line, PASSWORD_MAX + 2))
            return false;
        buf_append_byte(line, (uint8_t)c);
    }
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return got == 1 || line->len > 0;
}

static bool ask(const char *prompt, buf_t *line)
{
    fputs(prompt, stderr);
    bool read_it = read_line(line);
    fputc('\n', stderr);
    return read_it;
}

/* Typed twice, unseen. */
static int type_password(cli_auth_t *self, buf_t *password)
{
    struct termios before, quiet;
    buf_t again = {0};
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return cli_fail("%s: a password is typed at a terminal, or comes from standard input with "
                        "--stdin",
                        self->verb);
    quiet = before;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool typed = ask("New password: ", password) && ask("Once more: ", &again);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    int status = CLI_OK;
    if (!typed)
        status = cli_fail("%s: no password", self->verb);
    else if (!str_eq(buf_str(password), buf_str(&again)))
        status = cli_fail("%s: the two are not the same", self->verb);
    cli_auth_wipe(&again);
    return status;
}

int cli_auth_password(cli_auth_t *self, buf_t *password)
{
    if (!self->given.use_stdin)
        return type_password(self, password);
    return read_line(password) ? CLI_OK : cli_fail("%s: no password on standard input", self->verb);
}

/* --- printing --------------------------------------------------------------------------------- */

void cli_auth_print_json(mp_t value)
{
    buf_t text = {0};
    json_from_mp(&text, value, NULL);
    printf("%.*s\n", STR_ARG(buf_str(&text)));
    buf_fini(&text);
}

void cli_auth_print(str_t text, int width)
{
    buf_t shown = {0};
    safe_text_put(&shown, text, 200);
    printf("%-*.*s ", width, STR_ARG(buf_str(&shown)));
    buf_fini(&shown);
}

str_t cli_auth_text(mp_t map, const char *key)
{
    str_t text = {"", 0};
    mp_t value;
    if (!mp_find(map, key, &value))
        return text;
    if (!mp_read_str(&value, &text))
        (void)mp_find_str(value, "en", &text); /* otherwise none */
    return text;
}
