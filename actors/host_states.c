/* SPDX-License-Identifier: MIT */
/* The objects system.host.NAME and system.host.NAME.*, and the values of the latter. Objects that
 * are missing are written when the object store comes; system.host.NAME gets the network interfaces
 * that there are. Values are written every 15 seconds, as the original's controller does; alive
 * becomes false at the end. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/host_ctx.h"
#include "bus/json.h"
#include "bus/log.h"
#include "bus/tree.h"

#define REPORT_MS 15000
#define RETRY_MS 2000
#define ASKED_MS 50 /* how late an answer is followed up */
#define TTL_MS 10000
#define OWNER "system.user.admin"
#define GROUP "system.group.administrator"

typedef struct {
    const char *suffix; /* of system.host.NAME */
    const char *name;
    const char *type;
    const char *role;
    const char *unit; /* NULL: none */
    host_number_t number;
} state_row_t;

/* The first is the flag of life. */
static const state_row_t rows[] = {
    {".alive", "Host is running", "boolean", "indicator.state", NULL, HOST_LOAD},
    {".load", "Load of the last minute", "number", "value", NULL, HOST_LOAD},
    {".mem", "Memory in use", "number", "value", "%", HOST_MEM},
    {".memRss", "Memory of the server", "number", "value", "MiB", HOST_RSS_MB},
    {".freemem", "Free memory", "number", "value", "MiB", HOST_FREE_MB},
    {".diskSize", "Size of the disk", "number", "value", "MiB", HOST_DISK_MB},
    {".diskFree", "Free space of the disk", "number", "value", "MiB", HOST_DISK_FREE_MB},
    {".uptime", "Time since the start", "number", "value", "seconds", HOST_UPTIME_S},
};
#define ROWS (sizeof rows / sizeof rows[0])

typedef enum { STAGE_OBJECTS, STAGE_LIVE } stage_t;

struct host_states {
    host_t *host;
    stage_t stage;
    bool asked; /* a question of the stage is under way */
    int64_t next_ms;
    buf_t args;
};

static const caller_t system_caller = {{"", 0}, {"", 0}, {"host", 4}};

static void put_id(const host_states_t *self, buf_t *out, const char *suffix)
{
    buf_t id = {0};
    buf_printf(&id, "%s%s", self->host->facts.id, suffix);
    mp_put_str(out, buf_str(&id));
    buf_fini(&id);
}

static void ask(host_states_t *self, const char *actor, const char *command, env_answer_fn *done)
{
    self->host->env->ask(self->host->env, actor, command, &system_caller, mp_of_buf(&self->args),
                         TTL_MS, done, self);
}

static void enter(host_states_t *self, stage_t stage, int64_t wait_ms)
{
    self->stage = stage;
    self->asked = false;
    self->next_ms = self->host->env->mono(self->host->env) + wait_ms;
}

/* --- objects --------------------------------------------------------------------------------- */

static void complete(const host_states_t *self, json_t *object, bool is_state)
{
    json_t *acl = json_pack("{s:s, s:s, s:i}", "owner", OWNER, "ownerGroup", GROUP, "object", 1604);
    if (is_state)
        json_object_set_new(acl, "state", json_integer(1604));
    json_object_set_new(object, "acl", acl);
    json_object_set_new(object, "from", json_string(self->host->facts.id));
    json_object_set_new(object, "user", json_string(OWNER));
    json_object_set_new(object, "ts", json_integer(self->host->env->now(self->host->env)));
}

static json_t *make_host(const host_states_t *self)
{
    const host_facts_t *facts = &self->host->facts;
    json_t *object =
        json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{s:{}, s:{s:s}, s:{}}}", "type", "host",
                  "common", "name", facts->id, "title", "iobus", "hostname", facts->name,
                  "installedVersion", facts->version, "type", "iobus", "native", "process", "os",
                  "hostname", facts->name, "hardware");
    complete(self, object, false);
    return object;
}

static json_t *make_state(const host_states_t *self, const state_row_t *row)
{
    json_t *object =
        json_pack("{s:s, s:{s:s, s:s, s:s, s:b, s:b}, s:{}}", "type", "state", "common", "name",
                  row->name, "type", row->type, "role", row->role, "read", 1, "write", 0, "native");
    if (row->unit)
        json_object_set_new(json_object_get(object, "common"), "unit", json_string(row->unit));
    complete(self, object, true);
    return object;
}

/* Puts the interfaces in; false: they were there. */
static bool set_interfaces(json_t *object)
{
    buf_t bytes = {0};
    host_info_put_interfaces(&bytes);
    json_t *fresh = tree_from_mp(mp_of_buf(&bytes));
    json_t *native = json_object_get(object, "native");
    json_t *hardware = json_object_get(native, "hardware");
    bool same = json_equal(json_object_get(hardware, "networkInterfaces"), fresh);
    if (!same && !json_is_object(native)) {
        native = json_object();
        json_object_set_new(object, "native", native);
    }
    if (!same && !json_is_object(hardware)) {
        hardware = json_object();
        json_object_set_new(native, "hardware", hardware);
    }
    if (!same)
        json_object_set(hardware, "networkInterfaces", fresh);
    json_decref(fresh);
    buf_fini(&bytes);
    return !same;
}

/* Appends [id, object] and takes the object over. */
static void put_pair(const host_states_t *self, buf_t *out, const char *suffix, json_t *object)
{
    mp_put_array(out, 2);
    put_id(self, out, suffix);
    tree_to_mp(out, object);
    json_decref(object);
}

static uint32_t put_host(const host_states_t *self, buf_t *out, mp_t found)
{
    json_t *object = mp_type(found) == MP_MAP ? tree_from_mp(found) : make_host(self);
    if (object && set_interfaces(object)) {
        put_pair(self, out, "", object);
        return 1;
    }
    json_decref(object);
    return 0;
}

static uint32_t put_missing(const host_states_t *self, buf_t *out, mp_t found)
{
    mp_t object;
    uint32_t count = mp_at(found, 0, &object) ? put_host(self, out, object) : 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (!mp_at(found, i + 1, &object) || mp_type(object) != MP_NIL)
            continue;
        put_pair(self, out, rows[i].suffix, make_state(self, &rows[i]));
        count++;
    }
    return count;
}

static void on_written(void *arg, err_t status, mp_t body)
{
    host_states_t *self = arg;
    (void)body;
    if (status != ERR_OK && status != ERR_SHUTDOWN)
        log_warn("HOST-OBJECTS", "error=%s", err_name(status));
    enter(self, status == ERR_OK ? STAGE_LIVE : STAGE_OBJECTS, status == ERR_OK ? 0 : RETRY_MS);
}

static void on_found(void *arg, err_t status, mp_t body)
{
    host_states_t *self = arg;
    mp_t found;
    buf_t pairs = {0};
    if (status != ERR_OK || !mp_at(body, 1, &found)) {
        enter(self, STAGE_OBJECTS, RETRY_MS);
        return;
    }
    uint32_t count = put_missing(self, &pairs, found);
    if (count == 0) {
        enter(self, STAGE_LIVE, 0);
    } else {
        buf_reset(&self->args);
        mp_put_array(&self->args, 1);
        mp_put_array(&self->args, count);
        mp_put_raw(&self->args, mp_of_buf(&pairs));
        ask(self, "objects", "objects.put", on_written);
    }
    buf_fini(&pairs);
}

static void ask_objects(host_states_t *self)
{
    buf_reset(&self->args);
    mp_put_array(&self->args, 1);
    mp_put_array(&self->args, ROWS + 1);
    put_id(self, &self->args, "");
    for (size_t i = 0; i < ROWS; i++)
        put_id(self, &self->args, rows[i].suffix);
    ask(self, "objects", "objects.get", on_found);
}

/* --- values ---------------------------------------------------------------------------------- */

/* setState [id, {val, ack, from}]; value: one value. The answer is not waited for. */
static void write_state(host_states_t *self, const char *suffix, const buf_t *value)
{
    buf_reset(&self->args);
    mp_put_array(&self->args, 2);
    put_id(self, &self->args, suffix);
    mp_put_map(&self->args, 3);
    mp_put_cstr(&self->args, "val");
    mp_put_raw(&self->args, mp_of_buf(value));
    mp_put_cstr(&self->args, "ack");
    mp_put_bool(&self->args, true);
    mp_put_cstr(&self->args, "from");
    mp_put_cstr(&self->args, self->host->facts.id);
    ask(self, "states", "setState", NULL);
}

static void write_alive(host_states_t *self, bool alive)
{
    buf_t value = {0};
    mp_put_bool(&value, alive);
    write_state(self, rows[0].suffix, &value);
    buf_fini(&value);
}

static void report(host_states_t *self, int64_t mono_ms)
{
    write_alive(self, true);
    for (size_t i = 1; i < ROWS; i++) {
        double number;
        buf_t value = {0};
        if (host_info_number(rows[i].number, &self->host->facts, mono_ms, &number)) {
            mp_put_double(&value, number);
            write_state(self, rows[i].suffix, &value);
        }
        buf_fini(&value);
    }
    self->next_ms = mono_ms + REPORT_MS;
}

/* --- life ------------------------------------------------------------------------------------ */

host_states_t *host_states_new(host_t *host)
{
    host_states_t *self = calloc(1, sizeof *self);
    assert(self);
    self->host = host;
    enter(self, STAGE_OBJECTS, 0);
    return self;
}

void host_states_destroy(host_states_t **self_p)
{
    if (!*self_p)
        return;
    buf_fini(&(*self_p)->args);
    free(*self_p);
    *self_p = NULL;
}

void host_states_restart(host_states_t *self)
{
    if (!self->asked)
        enter(self, STAGE_OBJECTS, 0);
}

int64_t host_states_tick(host_states_t *self, int64_t mono_ms)
{
    if (mono_ms >= self->next_ms && self->stage == STAGE_LIVE) {
        report(self, mono_ms);
    } else if (mono_ms >= self->next_ms && !self->asked) {
        self->asked = true;
        ask_objects(self);
    }
    return self->asked || self->next_ms <= mono_ms ? ASKED_MS : self->next_ms - mono_ms;
}

void host_states_leave(host_states_t *self)
{
    if (self->stage == STAGE_LIVE)
        write_alive(self, false);
}
