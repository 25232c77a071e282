/* SPDX-License-Identifier: MIT */
/* What the parts of the host actor share: its state, and calls that take several steps. The actor
 * itself is actors/host.c; host_admin.c, host_archive.c, host_logs.c, host_messages.c and
 * host_states.c hold its handlers. Thread contract: the actor's thread. */
#ifndef IOBUS_ACTORS_HOST_CTX_H
#define IOBUS_ACTORS_HOST_CTX_H

#include "actors/host_exec.h"
#include "actors/host_info.h"
#include "actors/replica.h"
#include "actors/rights.h"
#include "actors/zip.h"
#include "bus/env.h"

#define HOST_ASK_MS 30000      /* longer than any call of a client lives */
#define HOST_CALLS_MAX 256     /* under way at the same time */
#define HOST_ARCHIVES_MAX 4    /* at the same time: each may hold zip-max bytes a few times over */
#define HOST_ENTRIES_MAX 10000 /* files or objects of one archive */

typedef struct host_states host_states_t;

typedef struct {
    env_t *env;
    replica_t *replica;
    rights_t *rights;
    host_states_t *states;
    host_exec_t *exec;
    host_facts_t facts;
    host_exec_limits_t exec_limits;
    zip_limits_t zip_limits;
    size_t calls;      /* under way */
    size_t archives;   /* calls among them that hold an archive */
    size_t max_answer; /* bytes of one answer */
} host_t;

/* --- calls that take several steps (host_call.c) -----------------------------------------------
 */

typedef struct host_call host_call_t;
/* The answer of another actor: [args...], or [text] when status is not ERR_OK. It answers the call,
 * or asks once more; after an error it answers. */
typedef void host_step_fn(host_call_t *call, err_t status, mp_t body);

struct host_call {
    host_t *host;
    uint64_t ticket;
    caller_t caller; /* owned */
    host_step_fn *step;
    bool is_message; /* the answer has no error argument: errors are {error: text} */
    void *data;      /* of the steps */
    void (*free_data)(void *data);
    char *texts; /* what caller points into */
};

/* Defers the request. NULL: too many are open (return ERR_BUSY). */
host_call_t *host_call_open(host_t *self, const request_t *request);
/* Asks with the rights of the client, or with all. args: one array value. */
void host_call_ask(host_call_t *call, const char *actor, const char *command, mp_t args,
                   host_step_fn *step);
void host_call_ask_as_system(host_call_t *call, const char *actor, const char *command, mp_t args,
                             host_step_fn *step);
/* Each ends the call. */
void host_call_answer(host_call_t **call_p, const reply_t *reply);
/* Answers at once; unlike a handler's own answer it makes the next tick come now. Returns what the
 * handler returns. */
err_t host_answer_now(host_t *self, const request_t *request, const reply_t *reply);
void host_call_fail(host_call_t **call_p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* With what another actor said: [text]. */
void host_call_fail_with(host_call_t **call_p, err_t status, mp_t body);

/* --- arguments and answers (host_call.c) -------------------------------------------------------
 */

/* The text at an index; "" when there is none. */
str_t host_arg_text(const request_t *request, uint32_t index);
/* [{error: text}]; returns ERR_OK. */
err_t host_refuse(reply_t *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether a name means this host: "house", "system.host.house", or nothing. */
bool host_is_me(const host_t *self, str_t name);
/* Whether the user of a request has the right other.execute. */
bool host_may_execute(const host_t *self, const request_t *request);

/* --- host.message (host_messages.c) ------------------------------------------------------------
 */

/* Answers [result]. message: an empty cursor when there is none. */
typedef err_t host_message_fn(host_t *self, const request_t *request, reply_t *reply, mp_t message);
host_message_fn host_message_getLogs, host_message_getLogFile, host_message_getLogFiles,
    host_message_delLogs, host_message_readDirAsZip, host_message_writeDirAsZip,
    host_message_readObjectsAsZip, host_message_writeObjectsAsZip, host_message_cmdExec;

handler_fn host_on_message;
/* One map: what getVersion says. */
void host_put_version(const host_t *self, buf_t *out);

/* --- administrator's commands (host_admin.c, host_logs.c, host_run.c) --------------------------
 */

handler_fn host_on_getHostByIp, host_on_readLogs, host_on_cmdExec, host_on_eventsThreshold,
    host_on_getRatings, host_on_getCurrentInstance, host_on_decrypt, host_on_encrypt,
    host_on_getIsEasyModeStrict, host_on_getEasyMode, host_on_getAdapters, host_on_updateLicenses,
    host_on_getCompactInstances, host_on_getCompactAdapters, host_on_getCompactInstalled,
    host_on_getCompactSystemRepositories, host_on_getCompactRepository, host_on_getCompactHosts;

/* --- objects and states of the host (host_states.c) --------------------------------------------
 */

host_states_t *host_states_new(host_t *host);
void host_states_destroy(host_states_t **self_p);
/* The object store has come (back): look whether the objects are there. */
void host_states_restart(host_states_t *self);
/* Returns ms until the next call. */
int64_t host_states_tick(host_states_t *self, int64_t mono_ms);
/* Says that the host is gone. */
void host_states_leave(host_states_t *self);

#endif
