/* SPDX-License-Identifier: MIT */
/* iobus check: does piece by piece what serve would do, in a run folder of its own, and says what
 * is wrong, a line each. Stores are opened and closed again, listeners bound and released; nothing
 * is made that is not there yet. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/cli.h"
#include "actors/crew.h"
#include "bus/endpoint.h"
#include "bus/log.h"

typedef struct {
    const config_t *config; /* as serve would get it */
    char run_dir[64];       /* private; removed at the end */
    unsigned problems;
} check_t;

/* Prints what a piece had to say; nothing is good news. */
static void conclude(check_t *self, const char *subject, buf_t *why)
{
    if (why->len > 0) {
        printf("%s: %.*s\n", subject, STR_ARG(buf_str(why)));
        self->problems++;
    }
    buf_fini(why);
}

/* The configuration for a rehearsal: the private run folder, no endpoints of others (they are
 * looked at by themselves), and one key changed; caller owns. */
static config_t *config_with(const check_t *self, const char *key, const char *value, buf_t *why)
{
    config_t *copy = config_copy(self->config);
    config_unset(copy, "endpoint");
    if (config_set(copy, "run", str_of(self->run_dir), why) != ERR_OK ||
        config_set(copy, key, str_of(value), why) != ERR_OK)
        config_destroy(&copy);
    return copy;
}

static void check_endpoints(check_t *self)
{
    buf_t why = {0};
    config_t *config = config_copy(self->config);
    if (config_set(config, "run", str_of(self->run_dir), &why) == ERR_OK) {
        endpoints_t *endpoints = endpoints_new(config, NULL, &why);
        endpoints_destroy(&endpoints);
    }
    config_destroy(&config);
    conclude(self, "bus", &why);
}

static void check_only(check_t *self)
{
    buf_t why = {0};
    crew_check_only(self->config, &why);
    conclude(self, "only", &why);
}

/* --- listeners ----------------------------------------------------------------------------------
 */

static void check_listener(check_t *self, const char *item)
{
    buf_t why = {0};
    config_t *config = config_with(self, "listen", item, &why);
    if (config)
        crew_rehearse(config, CREW_GATEWAY, &why);
    config_destroy(&config);
    conclude(self, "listen", &why);
}

static void check_listeners(check_t *self)
{
    size_t count;
    const char *const *items = config_list(self->config, "listen", &count);
    for (size_t i = 0; i < count; i++)
        check_listener(self, items[i]);
}

/* --- data folder --------------------------------------------------------------------------------
 */

/* The folder that is there already, of a path whose end may be missing. */
static void existing_part(char *path, size_t size)
{
    struct stat info;
    while (stat(path, &info) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path) {
            snprintf(path, size, "%s", slash ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

static void check_folder(const char *data, buf_t *why)
{
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "%s", data);
    existing_part(path, sizeof path);
    if (stat(path, &info) != 0)
        buf_printf(why, "%s: %s", data, strerror(errno));
    else if (!S_ISDIR(info.st_mode))
        buf_printf(why, "%s: %s", path, strerror(ENOTDIR));
    else if (access(path, W_OK | X_OK) != 0)
        buf_printf(why, "cannot write to %s: %s", path, strerror(errno));
}

static void check_store(check_t *self, const char *data, const char *name)
{
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", data, name);
    if (stat(path, &info) != 0)
        return; /* serve would make it */
    buf_t why = {0};
    config_t *config = config_with(self, "only", name, &why);
    if (config)
        crew_rehearse(config, name, &why);
    config_destroy(&config);
    conclude(self, "data", &why);
}

static void check_data(check_t *self)
{
    const char *data = config_text(self->config, "data");
    buf_t why = {0};
    check_folder(data, &why);
    bool usable = why.len == 0;
    conclude(self, "data", &why);
    for (size_t i = 0; usable && crew_stores()[i]; i++)
        check_store(self, data, crew_stores()[i]);
}

/* --- all together -------------------------------------------------------------------------------
 */

/* Sockets and locks of the rehearsals. */
static void remove_run_dir(const check_t *self)
{
    DIR *dir = opendir(self->run_dir);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        char path[sizeof self->run_dir + sizeof entry->d_name + 1];
        snprintf(path, sizeof path, "%s/%s", self->run_dir, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(self->run_dir);
}

static int check_all(check_t *self)
{
    snprintf(self->run_dir, sizeof self->run_dir, "/tmp/iobus-check-XXXXXX");
    if (!mkdtemp(self->run_dir))
        return cli_fail("cannot make a folder in /tmp: %s", strerror(errno));
    check_only(self);
    check_endpoints(self);
    check_listeners(self);
    check_data(self);
    remove_run_dir(self);
    if (self->problems == 0)
        printf("ok\n");
    return self->problems == 0 ? CLI_OK : CLI_FAILED;
}

int cli_check(int argc, char **argv, config_t *config)
{
    buf_t why = {0};
    check_t self = {.config = config};
    err_t err = config_load(config, &argc, argv, environ, NULL, &why);
    if (err == ERR_BAD_ARGS || (err == ERR_OK && argc > 1)) {
        if (err == ERR_OK)
            buf_printf(&why, "check: unexpected argument \"%s\"", argv[1]);
        int status = cli_usage("%.*s", STR_ARG(buf_str(&why)));
        buf_fini(&why);
        return status;
    }
    log_set_level(LEVEL_ERROR); /* the births and deaths of a rehearsal are of no interest */
    if (err == ERR_OK)
        return check_all(&self);
    conclude(&self, "config", &why); /* without it nothing else can be looked at */
    return CLI_FAILED;
}
