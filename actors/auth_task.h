/* SPDX-License-Identifier: MIT */
/* A change of users or groups under way, and what such changes have in common. It is written to the
 * objects, which answer when this actor has seen the change; so each is a task that hashes a
 * password first (if there is one), asks the objects one or more times, and is answered when all of
 * it is done. Thread contract: the actor's thread. */
#ifndef IOBUS_ACTORS_AUTH_TASK_H
#define IOBUS_ACTORS_AUTH_TASK_H

#include "actors/auth_ctx.h"

typedef struct auth_task auth_task_t;
typedef void auth_step_fn(auth_task_t *task);

struct auth_task {
    auth_t *auth;
    uint64_t job; /* of the pool; 0: none */
    uint64_t ticket;
    size_t questions;     /* open ones */
    bool asked;           /* there was one */
    bool started;         /* all questions are asked */
    err_t err;            /* the first that went wrong */
    buf_t error;          /* its text */
    auth_step_fn *hashed; /* goes on when the password is hashed */
    char *id;             /* of the user or group */
    char *writer;         /* user who writes; "" the system */
    char *instance;       /* its instance */
    buf_t hash;           /* of the new password */
    json_t *more;         /* what the step needs */
    bool adds;            /* the id is being made */
    reply_t reply;        /* when all goes well */
};

/* A task of this request, not deferred yet. NULL: too many, or no memory. */
auth_task_t *auth_task_new(auth_t *auth, const request_t *request, str_t id);
/* Gives a task up that has not begun. */
void auth_task_cancel(auth_task_t *task);
/* Defers the answer and takes the step, which asks. Returns what the handler returns. */
err_t auth_task_begin(auth_task_t *task, const request_t *request, auth_step_fn *step) MUST_USE;
/* The same when the password is hashed. */
err_t auth_task_begin_hashed(auth_task_t *task, const request_t *request, str_t password,
                             auth_step_fn *step) MUST_USE;
/* The answer of a task that goes well: [nil] for a client, [nil, id] for the system. */
void auth_task_answers_id(auth_task_t *task, const request_t *request);

/* --- for steps -------------------------------------------------------------------------------- */

/* Merges a patch into an object, or makes one of it; takes it over. What is written bears the name
 * of who wanted it. */
void auth_task_patch(auth_task_t *task, const char *id, json_t *object);
/* The same for one value of common, which is taken over. */
void auth_task_set(auth_task_t *task, const char *id, const char *key, json_t *value);
void auth_task_remove(auth_task_t *task, const char *id);
/* Nothing happens when it is so already. */
void auth_task_join(auth_task_t *task, const char *group, const char *user);
void auth_task_leave(auth_task_t *task, const char *group, const char *user);

/* --- checks (auth_accounts.c) ----------------------------------------------------------------- */

/* The two kinds of callers: the system gets a reason beside the text, a client only the text. */
err_t auth_refuse(const request_t *request, reply_t *reply, const char *reason, const char *text);
/* ERR_OK when the system asks / when the caller's user may change users like this, and the users
 * are known. */
err_t auth_account_system(const auth_t *self, const request_t *request) MUST_USE;
err_t auth_account_may(const auth_t *self, const request_t *request,
                       const char *operation) MUST_USE;
/* Whether it is a name that the original accepts for a user or a group (commands.md 7). */
bool auth_is_name(str_t name, bool group);
#define AUTH_BAD_NAME "Only following special characters are allowed: -@+$\xc2\xa7=?!&# and letters"
/* The id (appended) of a user or group that exists. */
err_t auth_find_user(const auth_t *self, const request_t *request, reply_t *reply, str_t name,
                     buf_t *id, auth_user_t *user) MUST_USE;
err_t auth_find_group(const auth_t *self, const request_t *request, reply_t *reply, str_t name,
                      buf_t *id, const json_t **group) MUST_USE;
/* Whether an id is being made by another task (auth_task.c). */
bool auth_is_being_added(const auth_t *self, str_t id);

#endif
