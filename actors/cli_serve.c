/* SPDX-License-Identifier: MIT */
/* iobus serve: reads the configuration, starts the crew, says that it is ready, and waits for
 * signals. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "actors/cli.h"
#include "actors/crew.h"
#include "bus/log.h"

#define WATCH_NS 200000000 /* between two looks at whether a member has failed */

typedef struct {
    config_t *config; /* in force; borrowed from main */
    int argc;         /* the command line as it was given, for reloads */
    char **argv;
    crew_t *crew;
} server_t;

/* --- signals ------------------------------------------------------------------------------------
 */

/* Those that are waited for. They are blocked in all threads, so a handler never runs. */
static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void prepare_signals(void)
{
    sigset_t set;
    signal_set(&set);
    int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert(!failed);
    (void)failed;
    signal(SIGPIPE, SIG_IGN); /* a client that goes away is an error of its write */
}

static bool stop_is_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* The next signal, or 0 after a moment without one. */
static int next_signal(void)
{
    sigset_t set;
    signal_set(&set);
    const struct timespec moment = {0, WATCH_NS};
    int number = sigtimedwait(&set, NULL, &moment);
    return number > 0 ? number : 0;
}

/* --- configuration ------------------------------------------------------------------------------
 */

/* Connections and database files are many, and the soft limit is often 1024. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("MAIN-FILE-LIMIT", "error=%s", strerror(errno));
}

static char **copy_words(int argc, char **argv)
{
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    assert(copy);
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    return copy;
}

static void use_log_level(const config_t *config)
{
    log_set_level((log_level_t)log_level_parse(config_text(config, "log-level")));
}

static int read_config(server_t *self)
{
    int argc = self->argc;
    char **argv = copy_words(self->argc, self->argv);
    int status = cli_load(self->config, &argc, argv, NULL);
    if (status == CLI_OK && argc > 1)
        status = cli_usage("serve: unexpected argument \"%s\"", argv[1]);
    free(argv);
    if (status == CLI_OK)
        use_log_level(self->config);
    return status;
}

static void reload(server_t *self)
{
    buf_t why = {0}, kept = {0};
    int argc = self->argc;
    char **argv = copy_words(self->argc, self->argv);
    config_t *fresh = config_new();
    if (config_load(fresh, &argc, argv, environ, NULL, &why) != ERR_OK) {
        log_error("MAIN-RELOAD", "result=refused why=%.*s", STR_ARG(buf_str(&why)));
    } else {
        config_reload(self->config, fresh, &kept);
        use_log_level(self->config);
        crew_reload(self->crew, self->config);
        log_info("MAIN-RELOAD", "result=done needs-restart=%.*s", STR_ARG(buf_str(&kept)));
    }
    config_destroy(&fresh);
    free(argv);
    buf_fini(&why);
    buf_fini(&kept);
}

/* --- running ------------------------------------------------------------------------------------
 */

static void print_ready(server_t *self)
{
    buf_t line = {0};
    buf_t urls = {0};
    crew_urls(self->crew, &urls);
    buf_printf(&line, "ready%s%.*s\n", urls.len ? " " : "", STR_ARG(buf_str(&urls)));
    fwrite(line.data, 1, line.len, stdout);
    fflush(stdout); /* nobody may be listening there: that is no reason to stop */
    buf_fini(&urls);
    buf_fini(&line);
}

/* Until a signal or a failure ends it; the exit status. */
static int wait_for_end(server_t *self)
{
    buf_t why = {0};
    int status = CLI_OK;
    for (;;) {
        int number = next_signal();
        if (number == SIGTERM || number == SIGINT) {
            log_info("MAIN-STOP", "signal=%s", strsignal(number));
            break;
        }
        if (number == SIGHUP)
            reload(self);
        if (crew_has_failed(self->crew, &why)) {
            status = cli_fail("%.*s, stopping", STR_ARG(buf_str(&why)));
            break;
        }
    }
    buf_fini(&why);
    return status;
}

static int start_and_run(server_t *self)
{
    buf_t why = {0};
    int status;
    err_t err = crew_start(self->crew, stop_is_pending, &why);
    if (err == ERR_OK) {
        print_ready(self);
        status = wait_for_end(self);
    } else {
        status = err == ERR_SHUTDOWN ? CLI_OK : cli_fail("%.*s", STR_ARG(buf_str(&why)));
    }
    buf_fini(&why);
    return status;
}

static int run(server_t *self)
{
    buf_t why = {0};
    self->crew = crew_new(self->config, &why);
    if (!self->crew) {
        int status = cli_fail("%.*s", STR_ARG(buf_str(&why)));
        buf_fini(&why);
        return status;
    }
    int status = start_and_run(self);
    if (!crew_stop(self->crew, &why)) {
        /* A thread still runs: freeing what it uses would be worse than leaving it to the kernel.
         */
        cli_fail("%.*s", STR_ARG(buf_str(&why)));
        fflush(NULL);
        _exit(CLI_FAILED);
    }
    crew_destroy(&self->crew);
    buf_fini(&why);
    return status;
}

int cli_serve(int argc, char **argv, config_t *config)
{
    server_t self = {.config = config, .argc = argc, .argv = argv};
    prepare_signals();
    int status = read_config(&self);
    if (status != CLI_OK)
        return status;
    raise_file_limit();
    return run(&self);
}
