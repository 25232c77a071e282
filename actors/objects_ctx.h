/* SPDX-License-Identifier: MIT */
/* What the parts of the objects actor share: its state, and the checks that every command makes.
 * The actor itself is actors/objects.c; objects_read.c, objects_write.c, objects_delete.c,
 * objects_plain.c and views.c hold its handlers. Thread contract: the actor's thread. */
#ifndef IOBUS_ACTORS_OBJECTS_CTX_H
#define IOBUS_ACTORS_OBJECTS_CTX_H

#include <jansson.h>

#include "actors/enums.h"
#include "actors/objects_store.h"
#include "actors/rights.h"
#include "bus/env.h"

#define OBJECTS_IDS_MAX 100000 /* ids in one list of a command */
#define OBJECTS_ID_MAX 4096    /* bytes of an id that is written */
/* Levels of an object: less than MP_MAX_DEPTH, because answers and events wrap it up some more. */
#define OBJECTS_DEPTH_MAX (MP_MAX_DEPTH - 32)

typedef struct {
    env_t *env;
    objects_store_t *store;
    rights_t *rights;
    enums_t *enums;
    size_t max_value;  /* bytes of one object */
    size_t max_answer; /* bytes of one answer: more does not fit a message */
    char *host;        /* "system.host.NAME": who writes when no web client does */
    buf_t hold;        /* object that is being read */
    buf_t shown;       /* what of it the caller may see */
    buf_t made;        /* object that is being written */
} objects_t;

/* --- arguments (objects_args.c) ----------------------------------------------------------------
 */

/* The argument, or an empty cursor. Returns JavaScript's typeof; "undefined" when it is missing. */
const char *args_get(const request_t *request, uint32_t index, mp_t *value);
bool args_truthy(mp_t value); /* JavaScript's; an empty cursor is false */
/* ERR_OK and the text, or the error of a parameter with a wrong type in the reply. */
err_t args_str(const request_t *request, reply_t *reply, uint32_t index, const char *name,
               str_t *out) MUST_USE;
/* validateId (data-model.md 1.1). prefix: text in front of the error. value: an empty cursor is an
 * empty id. */
err_t args_id(mp_t value, reply_t *reply, const char *prefix, str_t *out) MUST_USE;
/* An id that may be written: forbidden characters replaced into fixed (logged), then validateId. */
err_t args_fix_id(mp_t value, reply_t *reply, buf_t *fixed) MUST_USE;

/* --- rights (objects_access.c) -----------------------------------------------------------------
 */

/* Whether the caller's groups allow object.<operation>; else the error in the reply. */
err_t access_check(objects_t *self, const request_t *request, reply_t *reply,
                   const char *operation) MUST_USE;
/* Users and groups need the right to change users too, otherwise the right to write objects would
 * be the right to everything. */
bool access_changes(const objects_t *self, const request_t *request, str_t id,
                    const char *operation);
/* Both. */
err_t access_check_change(objects_t *self, const request_t *request, reply_t *reply, str_t id,
                          const char *operation) MUST_USE;
/* Whether the caller may read / change this object (its acl; for reading the right object.read
 * too). */
bool access_reads(objects_t *self, const request_t *request, mp_t object);
bool access_writes(objects_t *self, const request_t *request, mp_t object);
/* The object as the caller may see it: without password hashes (nobody but the system gets them),
 * without native.secret (for administrators only) and protectedNative (for the adapter itself).
 * Borrowed from object or self->shown. */
mp_t access_show(objects_t *self, const request_t *request, str_t id, mp_t object);
/* What the caller could not see when it read the object must not get lost when it writes it back.
 */
void access_restore(objects_t *self, const request_t *request, str_t id, json_t *object,
                    const json_t *old);

/* --- changes (objects.c) -----------------------------------------------------------------------
 */

/* Stores the object (ERR_TOO_LARGE, ERR_TOO_DEEP) and publishes objectChange; the event never
 * carries secrets, and its acl is the object's. object does not lie in self->hold. */
err_t objects_change(objects_t *self, const request_t *request, str_t id, mp_t object) MUST_USE;
/* id must not lie in the index: its entry goes. */
err_t objects_remove(objects_t *self, const request_t *request, str_t id) MUST_USE;

/* --- rules of writing (objects_rules.c) --------------------------------------------------------
 */

/* What the write of a whole object keeps of the old one: custom and its like (data-model.md 1.4).
 */
void rules_carry_over(json_t *object, const json_t *old);
/* Properties locked by their vendor. False: the password is wrong. */
bool rules_non_edit(json_t *object, const json_t *old);
/* A line in the log for properties that have a wrong shape; they are stored all the same. */
void rules_report(str_t id, const json_t *object);
/* Targets of an alias. ERR_OK or the error in the reply. */
err_t rules_alias(const json_t *object, reply_t *reply) MUST_USE;

/* --- handlers ----------------------------------------------------------------------------------
 */

handler_fn objects_on_getObject, objects_on_getObjects, objects_on_getForeignObjects,
    objects_on_getAdapterInstances, objects_on_getCompactSystemConfig, objects_on_setObject,
    objects_on_extendObject, objects_on_delObject, objects_on_delObjectAdmin, objects_on_delObjects,
    objects_on_get, objects_on_put, objects_on_del, objects_on_scan;

#endif
