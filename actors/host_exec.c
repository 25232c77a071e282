/* SPDX-License-Identifier: MIT */
#include "actors/host_exec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/json.h"
#include "bus/log.h"

#define TICK_MS 20
#define PIECE_BYTES 16384u /* of one event */
#define PIECES_PER_TICK 8  /* of one stream, so that others get their turn */
#define COMMAND_MAX 65536u
#define SHELL "/bin/sh"

typedef struct {
    int fd; /* -1: at its end */
    const char *event;
    buf_t rest; /* a character that is not complete yet */
} stream_t;

typedef struct run run_t;
struct run {
    run_t *next;
    pid_t pid;  /* also its process group */
    int status; /* once it was reaped */
    char *client, *id;
    int64_t deadline_ms;
    size_t left; /* bytes that it may still print */
    stream_t streams[2];
    const char *killed; /* why; NULL: it was not */
};

struct host_exec {
    host_exec_event_fn *event;
    void *arg;
    run_t *runs;
    size_t count;
};

/* --- text ------------------------------------------------------------------------------------ */

/* Length of the character at p; 0: it is not complete; negative: none starts here. */
static int character(const uint8_t *p, size_t len)
{
    int want = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : -1;
    if (want < 0 || p[0] > 0xf4)
        return -1;
    for (int i = 1; i < want; i++) {
        if ((size_t)i == len)
            return 0;
        if ((p[i] & 0xc0) != 0x80)
            return -1;
    }
    return json_utf8_valid((str_t){(const char *)p, (size_t)want}) ? want : -1;
}

/* Bytes as text; what is no UTF-8 becomes U+FFFD. Returns how many bytes were taken: an incomplete
 * character at the end stays, unless it is the last. */
static size_t put_text(buf_t *out, str_t bytes, bool last)
{
    size_t at = 0;
    while (at < bytes.len) {
        int len = character((const uint8_t *)bytes.p + at, bytes.len - at);
        if (len == 0 && !last)
            break;
        if (len > 0)
            buf_append(out, bytes.p + at, (size_t)len);
        else
            buf_append_cstr(out, "\xef\xbf\xbd");
        at += len > 0 ? (size_t)len : 1;
    }
    return at;
}

/* --- events ---------------------------------------------------------------------------------- */

static void emit(host_exec_t *self, const run_t *run, const char *event, const buf_t *value)
{
    if (!value->failed)
        self->event(self->arg, str_of(run->client), event, str_of(run->id), mp_of_buf(value));
}

static void emit_text(host_exec_t *self, const run_t *run, const char *event, str_t text)
{
    buf_t value = {0};
    mp_put_str(&value, text);
    emit(self, run, event, &value);
    buf_fini(&value);
}

static void emit_exit(host_exec_t *self, const run_t *run)
{
    buf_t value = {0};
    int code = WIFEXITED(run->status) ? WEXITSTATUS(run->status) : 128 + WTERMSIG(run->status);
    mp_put_int(&value, code);
    emit(self, run, "cmdExit", &value);
    buf_fini(&value);
    log_info("HOST-EXEC-END", "client=%s pid=%ld status=%d%s%s", run->client, (long)run->pid, code,
             run->killed ? " killed=" : "", run->killed ? run->killed : "");
}

/* --- streams --------------------------------------------------------------------------------- */

static void close_stream(stream_t *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    buf_reset(&stream->rest);
}

static void hand_out(host_exec_t *self, run_t *run, stream_t *stream, bool last)
{
    buf_t text = {0};
    size_t taken = put_text(&text, buf_str(&stream->rest), last);
    buf_consume(&stream->rest, taken);
    str_t shown = buf_str(&text);
    if (shown.len > 0 && shown.p[shown.len - 1] == '\n')
        shown.len--;
    if (taken > 0)
        emit_text(self, run, stream->event, shown);
    buf_fini(&text);
}

static void kill_run(host_exec_t *self, run_t *run, const char *why, const char *text)
{
    if (run->killed)
        return;
    run->killed = why;
    (void)kill(-run->pid, SIGKILL); /* all that is left of its group, or nothing */
    emit_text(self, run, "cmdStderr", str_of(text));
}

/* One piece; false: there is nothing (more). */
static bool read_piece(host_exec_t *self, run_t *run, stream_t *stream)
{
    size_t room = run->left < PIECE_BYTES ? run->left : PIECE_BYTES;
    /* One byte more than allowed, to see that there is more. */
    if (stream->fd < 0 || !buf_reserve(&stream->rest, room + 1))
        return false;
    ssize_t got = read(stream->fd, stream->rest.data + stream->rest.len, room + 1);
    if (got < 0)
        return false;
    if (got == 0) {
        hand_out(self, run, stream, true);
        close_stream(stream);
        return false;
    }
    bool too_much = (size_t)got > run->left;
    size_t len = too_much ? run->left : (size_t)got;
    stream->rest.len += len;
    run->left -= len;
    hand_out(self, run, stream, too_much);
    if (too_much) {
        close_stream(stream);
        kill_run(self, run, "output", "The command has printed too much and was ended");
    }
    return !too_much;
}

/* False: all that there was for now was read. */
static bool read_streams(host_exec_t *self, run_t *run)
{
    bool more = false;
    for (size_t i = 0; i < 2; i++) {
        int n = 0;
        while (n < PIECES_PER_TICK && read_piece(self, run, &run->streams[i]))
            n++;
        more = more || n == PIECES_PER_TICK;
    }
    return more;
}

/* --- starting -------------------------------------------------------------------------------- */

static bool set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int out,
                   int err)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(actions, out, 1) == 0 &&
           posix_spawn_file_actions_adddup2(actions, err, 2) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(actions, 3) == 0 &&
           posix_spawn_file_actions_addchdir_np(actions, "/") == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF) == 0 &&
           posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0;
}

static bool spawn(pid_t *pid, const char *command, int out, int err)
{
    static char shell[] = SHELL, option[] = "-c";
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char home[] = "HOME=/", language[] = "LANG=C.UTF-8";
    char *text = strdup(command);
    char *const arguments[] = {shell, option, text, NULL};
    char *const environment[] = {path, home, language, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (!text || posix_spawn_file_actions_init(&actions) != 0) {
        free(text);
        return false;
    }
    bool made = posix_spawnattr_init(&attributes) == 0;
    bool started = made && set_up(&actions, &attributes, out, err) &&
                   posix_spawn(pid, SHELL, &actions, &attributes, arguments, environment) == 0;
    if (made)
        posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(text);
    return started;
}

static void close_pair(int pair[2])
{
    for (size_t i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
        pair[i] = -1;
    }
}

/* The reading ends do not block; the others belong to the child. */
static bool start(run_t *run, const char *command)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    bool started = pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0 &&
                   fcntl(out[0], F_SETFL, O_NONBLOCK) == 0 &&
                   fcntl(err[0], F_SETFL, O_NONBLOCK) == 0 &&
                   spawn(&run->pid, command, out[1], err[1]);
    if (started) {
        run->streams[0] = (stream_t){.fd = out[0], .event = "cmdStdout"};
        run->streams[1] = (stream_t){.fd = err[0], .event = "cmdStderr"};
        out[0] = err[0] = -1;
    }
    close_pair(out);
    close_pair(err);
    return started;
}

static void free_run(run_t *run)
{
    for (size_t i = 0; i < 2; i++) {
        close_stream(&run->streams[i]);
        buf_fini(&run->streams[i].rest);
    }
    free(run->client);
    free(run->id);
    free(run);
}

static run_t *new_run(str_t client, str_t id)
{
    run_t *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->streams[0].fd = run->streams[1].fd = -1;
    run->client = str_dup(client);
    run->id = str_dup(id);
    if (run->client && run->id)
        return run;
    free_run(run);
    return NULL;
}

const char *host_exec_start(host_exec_t *self, const host_exec_limits_t *limits, str_t client,
                            str_t id, str_t command, int64_t mono_ms)
{
    if (!limits->enabled)
        return "Running commands is switched off on this server (setting cmd-exec)";
    if (command.len == 0 || command.len > COMMAND_MAX || memchr(command.p, 0, command.len))
        return "Invalid command";
    if (self->count >= limits->parallel)
        return "Too many commands are running";
    run_t *run = new_run(client, id);
    char *text = run ? str_dup(command) : NULL;
    bool started = text && start(run, text);
    free(text);
    if (!started) {
        if (run)
            free_run(run);
        return "The command cannot be started";
    }
    run->deadline_ms = mono_ms + limits->timeout_ms;
    run->left = limits->output;
    run->next = self->runs;
    self->runs = run;
    self->count++;
    log_info("HOST-EXEC", "client=%s pid=%ld", run->client, (long)run->pid);
    return NULL;
}

/* --- looking --------------------------------------------------------------------------------- */

/* Its process stays a zombie, so that its number stays its own. */
static bool has_ended(const run_t *run)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == run->pid;
}

/* Ends the children that it left behind, too. */
static void reap(run_t *run)
{
    (void)kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR) {
    }
}

/* True: it is over and all it printed was handed out. */
static bool look(host_exec_t *self, run_t *run, int64_t mono_ms)
{
    if (mono_ms >= run->deadline_ms)
        kill_run(self, run, "time", "The command has taken too long and was ended");
    /* First this, so that what it printed before its end is there. */
    bool ended = has_ended(run);
    if (read_streams(self, run) || !ended)
        return false;
    reap(run);
    hand_out(self, run, &run->streams[0], true);
    hand_out(self, run, &run->streams[1], true);
    emit_exit(self, run);
    return true;
}

int64_t host_exec_tick(host_exec_t *self, int64_t mono_ms)
{
    run_t **at = &self->runs;
    while (*at) {
        run_t *run = *at;
        if (look(self, run, mono_ms)) {
            *at = run->next;
            self->count--;
            free_run(run);
        } else {
            at = &run->next;
        }
    }
    return self->runs ? TICK_MS : -1;
}

/* --- life ------------------------------------------------------------------------------------ */

host_exec_t *host_exec_new(host_exec_event_fn *event, void *arg)
{
    host_exec_t *self = calloc(1, sizeof *self);
    assert(self);
    self->event = event;
    self->arg = arg;
    return self;
}

void host_exec_destroy(host_exec_t **self_p)
{
    host_exec_t *self = *self_p;
    if (!self)
        return;
    while (self->runs) {
        run_t *run = self->runs;
        self->runs = run->next;
        reap(run);
        free_run(run);
    }
    free(self);
    *self_p = NULL;
}
