/* SPDX-License-Identifier: MIT */
#include "actors/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/history_ctx.h"
#include "actors/loose.h"
#include "actors/rights.h"
#include "bus/config.h"
#include "bus/log.h"

#define WEEK_MS 604800000 /* span of getHistory when nothing is given */
#define TICK_IDLE_MS 1000
#define TICK_BUSY_MS 1
#define RETENTION_EVERY_MS 3600000 /* a point is looked at for old values so often */
#define RETENTION_POINTS 64u       /* points that are looked at in one tick */
#define RETENTION_JOBS_MAX 8u
#define VALUES_ASKED 200u /* first values asked for at once */
#define VALUES_TTL_MS 5000
#define VALUES_PAUSE_MS 2000 /* after a question without an answer */
#define PUT_MAX 100000u      /* rows of one history.put */

/* --- recording ------------------------------------------------------------------------------- */

str_t history_store_id(const history_t *self, str_t id)
{
    const history_point_t *point = history_points_find(self->points, id);
    return point ? buf_str(&point->store_id) : id;
}

err_t history_record(history_t *self, str_t store_id, const history_row_t *row)
{
    static log_limit_t limit;
    history_row_t stored = *row;
    if (!self->native.store_from)
        stored.from = (mp_t){NULL, NULL};
    if (!self->native.store_ack)
        stored.ack = (mp_t){NULL, NULL};
    err_t err = history_store_add(self->engine, store_id, &stored);
    if (err != ERR_OK)
        log_limited(&limit, LEVEL_WARN, "HISTORY-LOST", "a value was not recorded: %s",
                    err_name(err));
    return err;
}

typedef struct {
    history_t *history;
    const history_point_t *point;
} sink_t;

static void sink(void *arg, const history_row_t *row)
{
    sink_t *self = arg;
    if (self->history->recording)
        (void)history_record(self->history, buf_str(&self->point->store_id), row); /* logs */
}

static history_pass_t pass_of(history_t *self, const history_point_t *point, sink_t *arg)
{
    *arg = (sink_t){self, point};
    return (history_pass_t){.rules = &point->rules,
                            .now_ms = self->env->now(self->env),
                            .mono_ms = self->env->mono(self->env),
                            .sink = sink,
                            .arg = arg};
}

static void note_due(history_t *self, const history_point_t *point)
{
    const history_memory_t *memory = &point->memory;
    if (memory->pending_at && memory->pending_at < self->due_at)
        self->due_at = memory->pending_at;
    if (memory->relog_at && memory->relog_at < self->due_at)
        self->due_at = memory->relog_at;
}

void history_apply(history_t *self, history_point_t *point, const history_row_t *row, bool changed)
{
    sink_t arg;
    const history_pass_t pass = pass_of(self, point, &arg);
    history_push(&point->memory, &pass, *row, changed);
    note_due(self, point);
}

static bool has_row_of(history_t *self, const history_point_t *point, int64_t ts)
{
    history_row_t row;
    history_scan_t *scan = history_scan_new(self->engine, buf_str(&point->store_id), ts);
    bool has = scan && history_scan_next(scan, &row, NULL) && row.ts == ts;
    history_scan_destroy(&scan);
    return has;
}

static void on_state_change(history_t *self, const event_t *event)
{
    mp_t id_value, state;
    str_t id;
    double lc;
    history_row_t row;
    if (!mp_at(event->args, 0, &id_value) || !mp_at(event->args, 1, &state) ||
        !mp_read_str(&id_value, &id))
        return;
    history_point_t *point = history_points_find(self->points, id);
    if (!point || !history_row_of_state(state, self->env->now(self->env), &row))
        return; /* not recorded, or deleted */
    if (event->instance.len == 0 && has_row_of(self, point, row.ts))
        return; /* an import brings a value again that was recorded when it was new */
    point->wants_value = false;
    bool changed = !mp_find_double(state, "lc", &lc) || lc == (double)row.ts;
    history_apply(self, point, &row, changed);
}

static void run_timers(history_t *self, int64_t mono_ms)
{
    int64_t next = HISTORY_NEVER;
    if (mono_ms < self->due_at)
        return;
    for (size_t i = 0; i < history_points_len(self->points); i++) {
        history_point_t *point = history_points_at(self->points, i);
        sink_t arg;
        const history_pass_t pass = pass_of(self, point, &arg);
        int64_t at = history_due(&point->memory, &pass);
        if (at < next)
            next = at;
    }
    self->due_at = next;
}

/* --- beginning and end of recording ---------------------------------------------------------- */

/* A null with quality "not connected": between the end and the next beginning nothing is known. */
static void apply_null(history_t *self, history_point_t *point)
{
    buf_t fields = {0};
    mp_put_bool(&fields, true);
    size_t ack_len = fields.len;
    mp_put_int(&fields, HISTORY_NULL_QUALITY);
    size_t q_len = fields.len - ack_len;
    mp_put_cstr(&fields, HISTORY_OBJECT);
    const history_row_t row = {
        .ts = self->env->now(self->env),
        .ack = mp_of(fields.data, ack_len),
        .q = mp_of(fields.data + ack_len, q_len),
        .from = mp_of(fields.data + ack_len + q_len, fields.len - ack_len - q_len)};
    if (!fields.failed)
        history_apply(self, point, &row, true);
    buf_fini(&fields);
}

static void begin_point(history_t *self, history_point_t *point)
{
    sink_t arg;
    const history_pass_t pass = pass_of(self, point, &arg);
    point->begins = false;
    history_start_relog(&point->memory, &pass);
    note_due(self, point);
    if (self->native.write_nulls)
        apply_null(self, point);
    if (self->native.write_nulls && point->rules.changes_only) {
        point->wants_value = true;
        self->wants_values = true;
    }
}

static void end_point(history_t *self, history_point_t *point)
{
    sink_t arg;
    const history_pass_t pass = pass_of(self, point, &arg);
    history_row_t row = {.ts = pass.now_ms};
    buf_t q = {0};
    mp_put_int(&q, HISTORY_NULL_QUALITY);
    row.q = mp_of_buf(&q);
    history_flush(&point->memory, &pass);
    if (self->native.write_nulls && !q.failed)
        sink(&arg, &row);
    buf_fini(&q);
}

/* --- first values ---------------------------------------------------------------------------- */

/* Where only changes are recorded, the value at the beginning has to be asked for. */
static void take_value(history_t *self, str_t id, mp_t state)
{
    history_row_t row;
    history_point_t *point = history_points_find(self->points, id);
    int64_t now = self->env->now(self->env);
    if (!point || !point->wants_value)
        return;
    point->wants_value = false;
    if (!history_row_of_state(state, now, &row))
        return;
    buf_t own = {0};
    mp_put_cstr(&own, HISTORY_OBJECT);
    row.ts = now;
    row.from = mp_of_buf(&own);
    history_apply(self, point, &row, true);
    buf_fini(&own);
}

static void take_values(history_t *self, history_ask_t *ask, err_t status, mp_t body)
{
    mp_t ids = mp_of_buf(&ask->session), states, state;
    uint32_t count, states_count;
    str_t id;
    self->wants_values = true; /* there may be more; looking finds out */
    if (status != ERR_OK || !mp_at(body, 1, &states) || !mp_read_array(&states, &states_count) ||
        !mp_read_array(&ids, &count)) {
        self->values_at = self->env->mono(self->env) + VALUES_PAUSE_MS;
        return;
    }
    for (uint32_t i = 0; i < count && i < states_count; i++) {
        if (mp_read_str(&ids, &id) && mp_next(&states, &state))
            take_value(self, id, state);
    }
}

static uint32_t put_wanted(const history_t *self, buf_t *out)
{
    uint32_t count = 0;
    size_t mark = mp_begin_array(out);
    for (size_t i = 0; i < history_points_len(self->points) && count < VALUES_ASKED; i++) {
        const history_point_t *point = history_points_at(self->points, i);
        if (point->wants_value) {
            mp_put_str(out, buf_str(&point->id));
            count++;
        }
    }
    mp_end(out, mark, count);
    return count;
}

static void ask_values(history_t *self, int64_t mono_ms)
{
    static const caller_t system = {{"", 0}, {"", 0}, {"history", 7}};
    buf_t args = {0}, ids = {0};
    if (!self->wants_values || mono_ms < self->values_at)
        return;
    self->wants_values = false;
    if (put_wanted(self, &ids) > 0) {
        history_ask_t *ask = history_ask_new(self, take_values);
        mp_put_array(&args, 1);
        mp_put_raw(&args, mp_of_buf(&ids));
        if (ask) {
            buf_append_str(&ask->session, buf_str(&ids));
            history_ask_send(ask, "states", "states.get", &system, &args, VALUES_TTL_MS);
        }
    }
    buf_fini(&args);
    buf_fini(&ids);
}

/* --- objects --------------------------------------------------------------------------------- */

/* The instance's own settings changed: they are the defaults of all points. */
static void take_native(history_t *self, mp_t object)
{
    history_native_read(loose_get(object, "native"), &self->native);
    for (size_t i = 0; i < history_points_len(self->points); i++) {
        history_point_t *point = history_points_at(self->points, i);
        history_rules_read(mp_of_buf(&point->custom), &self->native, &point->rules);
    }
}

/* Settings of a point; true when they are new. */
static bool take_settings(history_t *self, history_point_t *point, mp_t custom)
{
    str_t alias = {"", 0};
    mp_t alias_value = loose_get(custom, "aliasId");
    if (point->custom.len && mp_equal(mp_of_buf(&point->custom), custom))
        return false;
    buf_reset(&point->custom);
    mp_put_raw(&point->custom, custom);
    buf_reset(&point->store_id);
    if (mp_read_str(&alias_value, &alias) && history_id_ok(alias))
        buf_append_str(&point->store_id, alias);
    else
        buf_append_str(&point->store_id, buf_str(&point->id));
    history_rules_read(custom, &self->native, &point->rules);
    return true;
}

static void enable(history_t *self, str_t id, mp_t custom, bool live)
{
    bool is_new = !history_points_find(self->points, id);
    history_point_t *point = history_id_ok(id) ? history_points_require(self->points, id) : NULL;
    if (!point)
        return;
    point->reading = self->reading;
    bool differs = take_settings(self, point, custom);
    if (is_new && live)
        begin_point(self, point);
    else if (is_new)
        point->begins = true;
    else if (differs) {
        sink_t arg;
        const history_pass_t pass = pass_of(self, point, &arg);
        history_start_relog(&point->memory, &pass);
        note_due(self, point);
    }
}

static void disable(history_t *self, history_point_t *point)
{
    end_point(self, point);
    history_points_remove(self->points, point);
}

static void on_object(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    history_t *self = arg;
    mp_t custom;
    (void)instance;
    if (str_is(id, HISTORY_OBJECT))
        take_native(self, object);
    history_point_t *point = history_points_find(self->points, id);
    if (mp_path(object, &custom, "common", "custom", HISTORY_INSTANCE, NULL) &&
        mp_type(custom) == MP_MAP && loose_true(loose_get(custom, "enabled")))
        enable(self, id, custom, live);
    else if (point)
        disable(self, point);
}

static void on_begin(void *arg)
{
    history_t *self = arg;
    self->reading++;
}

static void on_end(void *arg)
{
    history_t *self = arg;
    size_t i = 0;
    while (i < history_points_len(self->points)) {
        history_point_t *point = history_points_at(self->points, i);
        if (point->reading != self->reading) {
            disable(self, point); /* the last one is now at i */
            continue;
        }
        if (point->begins)
            begin_point(self, point);
        i++;
    }
}

/* --- old values ------------------------------------------------------------------------------ */

static bool has_old_values(history_t *self, const history_point_t *point, int64_t before)
{
    history_row_t row;
    history_scan_t *scan =
        history_scan_new(self->engine, buf_str(&point->store_id), -HISTORY_TS_MAX);
    bool has = scan && history_scan_next(scan, &row, NULL) && row.ts < before;
    history_scan_destroy(&scan);
    return has;
}

static void expire(history_t *self, history_point_t *point, int64_t mono_ms)
{
    int64_t before = self->env->now(self->env) - point->rules.retention_ms;
    point->retention_at = mono_ms + RETENTION_EVERY_MS;
    if (!has_old_values(self, point, before))
        return;
    history_span_t *spans = calloc(1, sizeof *spans);
    if (!spans)
        return;
    spans->from = -HISTORY_TS_MAX;
    spans->to = before - 1;
    buf_append_str(&spans->id, buf_str(&point->store_id));
    (void)history_erase(self, NULL, &spans, 1, false); /* when busy: in an hour */
}

static void run_retention(history_t *self, int64_t mono_ms)
{
    size_t len = history_points_len(self->points);
    if (!self->recording)
        return;
    for (uint32_t n = 0; n < RETENTION_POINTS && n < len; n++) {
        if (self->retention_jobs >= RETENTION_JOBS_MAX)
            return;
        if (self->retention_next >= len)
            self->retention_next = 0;
        history_point_t *point = history_points_at(self->points, self->retention_next++);
        if (point->rules.retention_ms > 0 && mono_ms >= point->retention_at)
            expire(self, point, mono_ms);
    }
}

/* --- commands -------------------------------------------------------------------------------- */

static bool is_own_instance(str_t name)
{
    return name.len == 0 || str_is(name, HISTORY_INSTANCE) || str_is(name, HISTORY_OBJECT) ||
           str_is(name, "history");
}

static err_t check_id(const request_t *request, reply_t *reply, str_t *id)
{
    mp_t value;
    bool given = request_arg(request, 0, &value);
    mp_t at = value;
    if (!given || !mp_read_str(&at, id))
        return reply_error(
            reply,
            "Parameter \"id\" needs to be of type \"string\" but type \"%s\" has been passed",
            given ? mp_typeof(value) : "undefined");
    if (id->len == 0)
        return reply_error(reply, "The id is empty! Please provide a valid id.");
    if (id->p[id->len - 1] != '.')
        return ERR_OK;
    buf_t text = {0};
    buf_append_cstr(&text, "The id \"");
    buf_append_str(&text, *id);
    buf_append_cstr(&text, "\" is invalid. Ids are not allowed to end in \".\"");
    reply_clear(reply);
    reply_str(reply, buf_str(&text));
    buf_fini(&text);
    return ERR_CUSTOM;
}

/* Options of getHistory: a map, the name of an instance, or nothing. */
static err_t check_options(const request_t *request, reply_t *reply, mp_t *options)
{
    str_t name = {"", 0};
    mp_t instance;
    if (!request_arg(request, 1, options) || !loose_true(*options)) {
        *options = (mp_t){NULL, NULL};
        return ERR_OK;
    }
    mp_t at = *options;
    if (mp_read_str(&at, &name)) {
        *options = (mp_t){NULL, NULL};
    } else if (mp_type(*options) != MP_MAP) {
        return reply_error(
            reply,
            "Parameter \"options\" needs to be a real object but type \"%s\" has been passed",
            mp_typeof(*options));
    } else {
        instance = loose_get(*options, "instance");
        (void)mp_read_str(&instance, &name); /* anything else counts as not given */
    }
    if (is_own_instance(name))
        return ERR_OK;
    return reply_error(reply, "Instance %.*s does not run here",
                       (int)(name.len < 100 ? name.len : 100), name.p);
}

static err_t history_on_get_history(void *arg, const request_t *request, reply_t *reply)
{
    history_t *self = arg;
    const history_defaults_t defaults = {AGGREGATE_NONE, WEEK_MS, self->native.limit,
                                         self->native.round};
    str_t id;
    mp_t options;
    err_t err = check_id(request, reply, &id);
    if (err == ERR_OK)
        err = check_options(request, reply, &options);
    if (err == ERR_OK)
        err = history_query(self, request, reply, id, options, &defaults, HISTORY_AS_COMMAND);
    return err;
}

static err_t history_on_put(void *arg, const request_t *request, reply_t *reply)
{
    history_t *self = arg;
    mp_t id_value, rows, list;
    str_t id;
    uint32_t count;
    history_row_t row;
    if (!rights_is_root(request->caller.user))
        return ERR_PERMISSION;
    if (!request_arg(request, 0, &id_value) || !request_arg(request, 1, &rows) ||
        !mp_read_str(&id_value, &id) || !mp_read_array(&rows, &count) || !history_id_ok(id))
        return ERR_BAD_ARGS;
    if (count > PUT_MAX)
        return ERR_TOO_LARGE;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&rows, &list) || !history_row_of_list(list, &row))
            return ERR_BAD_ARGS;
        err_t err = history_store_put(self->engine, id, &row);
        if (err != ERR_OK)
            return err;
    }
    reply_nil(reply);
    mp_put_uint(reply_value(reply), count);
    return ERR_OK;
}

static const command_t commands[] = {
    /* name            handler                 min args  flags */
    {"getHistory", history_on_get_history, 0, CMD_READ},
    {"history.message", history_on_message, 1, CMD_WRITE | CMD_EFFECT},
    {"history.put", history_on_put, 2, CMD_WRITE},
    {NULL, NULL, 0, 0},
};

/* --- life ------------------------------------------------------------------------------------ */

static void history_close(void **self_p)
{
    history_t *self = *self_p;
    if (!self)
        return;
    if (self->engine && self->points) {
        for (size_t i = 0; i < history_points_len(self->points); i++) {
            history_point_t *point = history_points_at(self->points, i);
            if (!point->begins)
                end_point(self, point);
        }
        err_t err = engine_commit(self->engine);
        if (err != ERR_OK)
            log_error("HISTORY-CLOSE", "the last values were not stored: %s", err_name(err));
    }
    history_jobs_free(self);
    history_asks_free(self);
    replica_destroy(&self->replica);
    history_points_destroy(&self->points);
    engine_close(&self->engine);
    free(self);
    *self_p = NULL;
}

static err_t open_engine(history_t *self, const config_t *config, buf_t *why)
{
    const char *data = config_text(config, "data");
    buf_t path = {0};
    if (strcmp(data, ":memory:") == 0) {
        self->engine = engine_open_memory();
        return ERR_OK;
    }
    buf_printf(&path, "%s/history", data);
    buf_append_byte(&path, 0);
    const engine_options_t options = {
        .path = (const char *)path.data,
        .name = "history",
        .format = HISTORY_FORMAT,
        .durability =
            (engine_durability_t)engine_durability_parse(config_text(config, "states-durability")),
        .sync_interval_ms = config_int(config, "sync-interval"),
        .cache_bytes = (size_t)config_int(config, "store-cache"),
    };
    err_t err = path.failed ? ERR_NO_MEMORY : engine_open(&self->engine, &options, why);
    buf_fini(&path);
    return err;
}

static err_t history_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    static const char *const types[] = {"state", "instance", NULL};
    static const replica_ops_t ops = {on_begin, on_object, on_end};
    history_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    self->due_at = HISTORY_NEVER;
    self->recording = config_bool(config, "recording");
    history_native_read((mp_t){NULL, NULL}, &self->native);
    err_t err = open_engine(self, config, why);
    if (err == ERR_OK) {
        uint64_t seed;
        env->random(env, &seed, sizeof seed);
        self->points = history_points_new(seed);
        self->replica = replica_new(env, types, &ops, self);
        if (!self->points || !self->replica)
            err = ERR_NO_MEMORY;
    }
    *self_p = self;
    if (err != ERR_OK)
        history_close(self_p);
    return err;
}

static err_t history_commit(void *arg)
{
    history_t *self = arg;
    return engine_pending(self->engine) ? engine_commit(self->engine) : ERR_OK;
}

static void history_event(void *arg, const event_t *event)
{
    history_t *self = arg;
    if (strcmp(event->actor, "objects") == 0)
        replica_event(self->replica, event);
    else if (str_is(event->name, "stateChange"))
        on_state_change(self, event);
}

/* Changes that were lost on the way from the states actor cannot be had again. */
static void history_gap(void *arg, const char *actor)
{
    history_t *self = arg;
    if (strcmp(actor, "objects") == 0)
        replica_gap(self->replica);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t history_tick(void *arg, int64_t mono_ms)
{
    history_t *self = arg;
    int64_t next = sooner(TICK_IDLE_MS, replica_tick(self->replica, mono_ms));
    next = sooner(next, engine_tick(self->engine, mono_ms));
    run_timers(self, mono_ms);
    ask_values(self, mono_ms);
    run_retention(self, mono_ms);
    if (history_jobs_step(self))
        return TICK_BUSY_MS;
    if (self->due_at != HISTORY_NEVER)
        next = sooner(next, self->due_at - mono_ms);
    return next > 0 ? next : TICK_BUSY_MS;
}

static bool history_ready(void *arg, buf_t *why)
{
    history_t *self = arg;
    if (!replica_ready(self->replica))
        buf_append_cstr(why, "the objects have not been read yet");
    else if (engine_read_only(self->engine))
        buf_append_cstr(why, "the store is read-only");
    return why->len == 0;
}

static const char *const follows[] = {"states", "objects", NULL};

const actor_t history_actor = {
    .name = "history",
    .commands = commands,
    .follows = follows,
    .patient = "states",
    .open = history_open,
    .close = history_close,
    .commit = history_commit,
    .event = history_event,
    .gap = history_gap,
    .tick = history_tick,
    .ready = history_ready,
};
