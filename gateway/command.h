/* SPDX-License-Identifier: MIT */
/* The commands that clients call: one table, a row each. Most rows only say which actor answers and
 * what permission is needed: the arguments are passed on as they are, and the actor's answer is the
 * array of call-back arguments. The others concern the connection itself and have a function
 * (local.h). A call with an acknowledgement id is answered exactly once, whatever it is. Sources:
 * commands.md 2, data-model.md 5.2. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_COMMAND_H
#define IOBUS_GATEWAY_COMMAND_H

#include "gateway/session.h"

/* One call, as long as it has not been answered or sent to an actor. All borrowed. */
typedef struct {
    session_t *session;
    size_t row;
    mp_t args; /* one array value */
    uint32_t argc;
    bool has_ack;
    uint64_t ack;
} invocation_t;

/* Runs a call of a client. args: one array value, checked. */
void command_run(session_t *session, str_t name, mp_t args, bool has_ack, uint64_t ack);

/* Whether a call, as the JSON array that begins with the command's name, is too large for its
 * command: only those that carry files may exceed max-value. Looked at before the text is decoded,
 * which would hold the loop. */
bool command_is_oversized(core_t *core, str_t json);
/* Rows of the table, for metrics and documentation. */
size_t command_count(void);
const char *command_name(size_t row);
/* Whether it may be about the caller himself, who then loses his log-in by it. */
bool command_is_own(size_t row);

/* --- for the functions of rows -------------------------------------------------------------------
 */

/* The i-th argument; an empty range (MP_NONE) when there are fewer. */
mp_t command_arg(const invocation_t *invocation, uint32_t index);
/* Answers at once. args: one array value. */
void command_answer(const invocation_t *invocation, mp_t args);
/* The same with [text]; counts as a failure. */
void command_answer_error(const invocation_t *invocation, const char *text);
/* The same as an object of class Error, whatever that is in the client's dialect. */
void command_answer_error_object(const invocation_t *invocation, const char *text);
/* Sends a request to an actor, whose answer becomes the answer of the call. args: one array value.
 */
void command_ask(const invocation_t *invocation, const char *actor, const char *command, mp_t args);
/* The same, but done gets the open call as arg, does what it has to, and ends the call with
 * command_pass_answer. NULL: the call was refused and is answered already. */
call_t *command_ask_then(const invocation_t *invocation, const char *actor, const char *command,
                         mp_t args, requests_done_fn *done);
/* Answers an open call (arg) by the answer of an actor. */
void command_pass_answer(void *arg, err_t status, uint64_t seq, mp_t body);
/* Sends a request as the system; done gets the open call as arg and ends it with call_answer. NULL:
 * the call was refused and is answered already. */
call_t *command_ask_system(const invocation_t *invocation, const char *actor, const char *command,
                           mp_t args, requests_done_fn *done);

#endif
