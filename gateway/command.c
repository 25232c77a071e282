/* SPDX-License-Identifier: MIT */
#include "gateway/command.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/actor_names.h"
#include "bus/error_object.h"
#include "bus/log.h"
#include "gateway/local.h"
#include "gateway/messenger.h"
#include "gateway/status.h"

enum {
    ROW_READ = 1,           /* changes nothing: without call-back there is nothing to do */
    ROW_LONG = 2,           /* waits for somebody outside */
    ROW_ADMIN = 4,          /* only on listeners with admin=on */
    ROW_FILE = 8,           /* a denial names the second argument (the path), not the first */
    ROW_LIST = 16,          /* with a list of ids it only needs getObject */
    ROW_RESULT = 32,        /* the call-back has no error argument: errors are {error: text} */
    ROW_DENIED_RESULT = 64, /* a denial, too */
    ROW_LARGE = 128,        /* carries a file: as large as a message may be */
    ROW_MESSAGE = 256,      /* waits for an instance */
    ROW_HOST = 512,         /* some commands in the second argument need more */
    ROW_OWN = 1024,         /* the actor decides, since it may be about the caller himself */
};

typedef struct {
    const char *name;
    const char *actor; /* NULL: local */
    const char *command;
    local_fn *local;
    permission_t permission;
    uint32_t max_args;
    unsigned flags;
} row_t;

static const row_t rows[] = {
#define BUS(name, actor, command, permission, max_args, flags)                                     \
    {name, actor, command, NULL, PERM_##permission, max_args, flags},
#define LOCAL(name, function, permission, flags)                                                   \
    {name, NULL, NULL, function, PERM_##permission, 0, flags},
#include "gateway/command.def"
#undef BUS
#undef LOCAL
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* For administrators some commands are others: they may delete any object. */
static const struct {
    const char *command;
    const char *on_admin_listener;
} admin_variants[] = {{"delObject", "delObjectAdmin"}};

/* Actors whose replies carry numbers of followed events. */
static const char *const feed_actors[FEED_COUNT] = {"objects", "states",   "files", "log",
                                                    "auth",    "messages", "host"};

size_t command_count(void)
{
    return ROW_COUNT;
}

bool command_is_own(size_t row)
{
    return rows[row].flags & ROW_OWN;
}

const char *command_name(size_t row)
{
    return rows[row].name;
}

/* --- answers -------------------------------------------------------------------------------------
 */

mp_t command_arg(const invocation_t *invocation, uint32_t index)
{
    mp_t value;
    return mp_at(invocation->args, index, &value) ? value : (mp_t){NULL, NULL};
}

static metrics_command_t *counters(const invocation_t *invocation)
{
    return &session_core(invocation->session)->commands[invocation->row];
}

static void answer(session_t *session, bool has_ack, uint64_t ack, mp_t args)
{
    frames_t frames = {0};
    if (!has_ack)
        return;
    session_encode_answer(session, ack, args, &frames);
    for (size_t i = 0; i < frames.count; i++)
        session_push(session, frames.items[i]);
    frames_put(&frames);
}

void command_answer(const invocation_t *invocation, mp_t args)
{
    counters(invocation)->ok++;
    answer(invocation->session, invocation->has_ack, invocation->ack, args);
}

/* [text], or [{error: text}]. */
static void answer_text(session_t *session, bool has_ack, uint64_t ack, const char *text,
                        bool result)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    if (result) {
        mp_put_map(&args, 1);
        mp_put_cstr(&args, "error");
    }
    mp_put_cstr(&args, text);
    answer(session, has_ack, ack, mp_of_buf(&args));
    buf_fini(&args);
}

void command_answer_error(const invocation_t *invocation, const char *text)
{
    const row_t *row = &rows[invocation->row];
    counters(invocation)->failed++;
    answer_text(invocation->session, invocation->has_ack, invocation->ack, text,
                row->flags & ROW_RESULT);
}

void command_answer_error_object(const invocation_t *invocation, const char *text)
{
    buf_t args = {0};
    counters(invocation)->failed++;
    mp_put_array(&args, 1);
    error_object_put(&args, str_of(text));
    answer(invocation->session, invocation->has_ack, invocation->ack, mp_of_buf(&args));
    buf_fini(&args);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void note_seen(core_t *core, const char *actor, uint64_t seq)
{
    for (size_t i = 0; actor && i < FEED_COUNT; i++) {
        if (strcmp(feed_actors[i], actor) == 0 && seq > core->seen[i])
            core->seen[i] = seq;
    }
}

/* [text] becomes [{error: text}]. */
static void answer_call_error(call_t **call, mp_t body)
{
    mp_t text;
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_map(&args, 1);
    mp_put_cstr(&args, "error");
    if (mp_at(body, 0, &text))
        mp_put_raw(&args, text);
    else
        mp_put_nil(&args);
    call_answer(call, mp_of_buf(&args));
    buf_fini(&args);
}

void command_pass_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    call_t *call = arg;
    core_t *core = session_core(call->session);
    note_seen(core, rows[call->row].actor, seq);
    if (status == ERR_OK)
        core->commands[call->row].ok++;
    else
        core->commands[call->row].failed++;
    if (status != ERR_OK && rows[call->row].flags & ROW_RESULT)
        answer_call_error(&call, body);
    else
        call_answer(&call, body);
}

static call_t *send_request(const invocation_t *invocation, const char *actor, const char *command,
                            const caller_t *caller, mp_t args, requests_done_fn *done)
{
    core_t *core = session_core(invocation->session);
    const row_t *row = &rows[invocation->row];
    call_t *call =
        call_open(invocation->session, invocation->row, invocation->has_ack, invocation->ack);
    if (!call) {
        command_answer_error(invocation, err_text(ERR_BUSY));
        return NULL;
    }
    int64_t ttl = row->flags & ROW_MESSAGE ? core->limits.message_ms
                  : row->flags & ROW_LONG  ? core->limits.fetch_ms
                                           : core->limits.request_ms;
    uint64_t corr = requests_send(core->requests, actor, str_of(command), caller, args, ttl, 0,
                                  core->mono_ms, done, call);
    if (corr == 0) {
        buf_t busy = {0};
        mp_put_array(&busy, 1);
        mp_put_cstr(&busy, err_text(ERR_BUSY));
        metrics_add(core->metrics, METRIC_BUSY, 1);
        counters(invocation)->failed++;
        call_answer(&call, mp_of_buf(&busy));
        buf_fini(&busy);
        return NULL;
    }
    call_set_corr(call, corr);
    return call;
}

void command_ask(const invocation_t *invocation, const char *actor, const char *command, mp_t args)
{
    caller_t caller = session_caller(invocation->session);
    (void)send_request(invocation, actor, command, &caller, args, command_pass_answer);
}

call_t *command_ask_then(const invocation_t *invocation, const char *actor, const char *command,
                         mp_t args, requests_done_fn *done)
{
    caller_t caller = session_caller(invocation->session);
    return send_request(invocation, actor, command, &caller, args, done);
}

call_t *command_ask_system(const invocation_t *invocation, const char *actor, const char *command,
                           mp_t args, requests_done_fn *done)
{
    caller_t caller = session_caller(invocation->session);
    caller.user = (str_t){"", 0};
    return send_request(invocation, actor, command, &caller, args, done);
}

/* The arguments without those that no command has. */
static mp_t trim_args(const invocation_t *invocation, uint32_t max, buf_t *trimmed)
{
    if (invocation->argc <= max)
        return invocation->args;
    mp_put_array(trimmed, max);
    for (uint32_t i = 0; i < max; i++)
        mp_put_raw(trimmed, command_arg(invocation, i));
    return mp_of_buf(trimmed);
}

static const char *variant(const session_t *session, const char *command)
{
    size_t count = sizeof admin_variants / sizeof admin_variants[0];
    for (size_t i = 0; session_listener(session)->admin && i < count; i++) {
        if (strcmp(admin_variants[i].command, command) == 0)
            return admin_variants[i].on_admin_listener;
    }
    return command;
}

static void run_bus(const invocation_t *invocation, const row_t *row)
{
    buf_t trimmed = {0};
    if (!invocation->has_ack && row->flags & ROW_READ)
        return;
    assert(actor_name_find(str_of(row->actor)));
    mp_t args = trim_args(invocation, row->max_args, &trimmed);
    command_ask(invocation, row->actor, variant(invocation->session, row->command), args);
    buf_fini(&trimmed);
}

/* --- permissions ---------------------------------------------------------------------------------
 */

/* {command, type, operation, args} for a call without call-back. */
static void emit_denied(const invocation_t *invocation, permission_t permission)
{
    mp_t arg = command_arg(invocation, rows[invocation->row].flags & ROW_FILE ? 1 : 0);
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_map(&args, 4);
    mp_put_cstr(&args, "command");
    mp_put_cstr(&args, permission_command(permission));
    mp_put_cstr(&args, "type");
    mp_put_cstr(&args, permission_type(permission));
    mp_put_cstr(&args, "operation");
    mp_put_cstr(&args, permission_operation(permission));
    mp_put_cstr(&args, "args");
    mp_put_array(&args, 1);
    if (mp_type(arg) == MP_NONE)
        mp_put_nil(&args);
    else
        mp_put_raw(&args, arg);
    session_emit(invocation->session, STR_LIT("permissionError"), mp_of_buf(&args));
    buf_fini(&args);
}

static void deny(const invocation_t *invocation, permission_t permission)
{
    static log_limit_t limit;
    session_t *session = invocation->session;
    log_limited(&limit, LEVEL_WARN, "GW-DENIED", "user=%s client=%s command=%s need=%s.%s",
                grants_name(session_user(session)), session_client(session),
                rows[invocation->row].name, permission_type(permission),
                permission_operation(permission));
    counters(invocation)->denied++;
    if (invocation->has_ack)
        answer_text(session, true, invocation->ack, err_text(ERR_PERMISSION),
                    rows[invocation->row].flags & ROW_DENIED_RESULT);
    else
        emit_denied(invocation, permission);
}

/* What sendToHost does not do for everybody (commands.md 2.6). */
static const char *const host_commands[] = {
    "cmdExec",      "getLocationOnDisk", "getDiagData",       "getDevList",
    "delLogs",      "writeDirAsZip",     "writeObjectsAsZip", "readObjectsAsZip",
    "checkLogging", "updateMultihost",   "rebuildAdapter"};

static bool is_protected(mp_t command)
{
    str_t name;
    if (!mp_read_str(&command, &name))
        return false;
    for (size_t i = 0; i < sizeof host_commands / sizeof host_commands[0]; i++) {
        if (str_is(name, host_commands[i]))
            return true;
    }
    return false;
}

static permission_t needed(const invocation_t *invocation, const row_t *row)
{
    mp_t list = command_arg(invocation, 0);
    uint32_t count = 0;
    if (row->flags & ROW_OWN && !grants_is_read_only(session_user(invocation->session)))
        return PERM_NONE;
    if (row->flags & ROW_HOST && is_protected(command_arg(invocation, 1)))
        return PERM_CMD_EXEC;
    if (row->flags & ROW_LIST && mp_read_array(&list, &count) && count > 0)
        return PERM_GET_OBJECT;
    return row->permission;
}

/* Whether the call may go on; if not it is answered. */
static bool allowed(const invocation_t *invocation, const row_t *row)
{
    permission_t permission = needed(invocation, row);
    grant_t grant = grants_check(session_user(invocation->session), permission);
    if (row->flags & ROW_ADMIN && !session_listener(invocation->session)->admin)
        grant = GRANT_NO;
    if (grant == GRANT_NO)
        deny(invocation, permission);
    else if (grant == GRANT_UNKNOWN)
        command_answer_error(invocation, err_text(ERR_UNAVAILABLE));
    return grant == GRANT_YES;
}

/* --- running -------------------------------------------------------------------------------------
 */

static const row_t *find_row(core_t *core, str_t name)
{
    if (map_len(core->command_index) == 0) {
        for (size_t i = 0; i < ROW_COUNT; i++)
            map_put(core->command_index, str_of(rows[i].name), (void *)(uintptr_t)&rows[i]);
    }
    return map_get(core->command_index, name);
}

bool command_is_oversized(core_t *core, str_t json)
{
    if (json.len <= core->limits.max_value)
        return false;
    const char *start = memchr(json.p, '"', json.len < 256 ? json.len : 256);
    if (!start)
        return true;
    size_t left = json.len - (size_t)(start + 1 - json.p);
    const char *stop = memchr(start + 1, '"', left < 256 ? left : 256);
    const row_t *row = stop ? find_row(core, (str_t){start + 1, (size_t)(stop - start - 1)}) : NULL;
    return !row || !(row->flags & ROW_LARGE);
}

static void unknown(session_t *session, str_t name, bool has_ack, uint64_t ack)
{
    static log_limit_t limit;
    core_t *core = session_core(session);
    int shown = name.len < 64 ? (int)name.len : 64;
    log_limited(&limit, LEVEL_INFO, "GW-UNKNOWN-COMMAND", "client=%s command=\"%.*s\"",
                session_client(session), shown, name.p);
    metrics_add(core->metrics, METRIC_UNKNOWN_COMMANDS, 1);
    answer_text(session, has_ack, ack, err_text(ERR_UNKNOWN_COMMAND), false);
}

void command_run(session_t *session, str_t name, mp_t args, bool has_ack, uint64_t ack)
{
    const row_t *row = find_row(session_core(session), name);
    mp_t cursor = args;
    invocation_t invocation = {.session = session, .args = args, .has_ack = has_ack, .ack = ack};
    if (!row) {
        unknown(session, name, has_ack, ack);
        return;
    }
    invocation.row = (size_t)(row - rows);
    (void)mp_read_array(&cursor, &invocation.argc);
    if (!allowed(&invocation, row))
        return;
    if (row->local)
        row->local(&invocation);
    else
        run_bus(&invocation, row);
}
