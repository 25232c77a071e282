/* SPDX-License-Identifier: MIT */
#include "actors/objects.h"
#include "actors/host_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/host_name.h"
#include "actors/objects_ctx.h"
#include "actors/seed.h"
#include "actors/views.h"
#include "bus/config.h"
#include "bus/log.h"

#define MEMORY_FOLDER ":memory:" /* value of `data` that keeps nothing */
#define ANSWER_OVERHEAD 4096     /* what the bus puts around an answer, amply */
#define SECRET_BYTES 24          /* of native.secret; 48 hexadecimal digits */

/* --- changes -----------------------------------------------------------------------------------
 */

/* What an object is protected by, for events and comparisons. */
static void put_acl(buf_t *out, mp_t object)
{
    mp_t acl = {NULL, NULL};
    (void)mp_find(object, "acl", &acl); /* none: nothing restricts it */
    acl_put(out, acl);
}

/* The acl of an object before it is changed, as put_acl gives it. */
static err_t read_acl(objects_t *self, str_t id, buf_t *acl, bool *existed)
{
    mp_t object;
    err_t err = objects_store_get(self->store, id, &self->hold, &object);
    *existed = err == ERR_OK && !mp_at_end(&object);
    if (*existed)
        put_acl(acl, object);
    return err == ERR_DAMAGED ? ERR_OK : err; /* a new object repairs it, and it can be deleted */
}

/* acl: of the object, of one that is deleted the last. */
static void publish(objects_t *self, const request_t *request, str_t id, mp_t object, mp_t acl)
{
    buf_t args;
    buf_init(&args);
    mp_put_array(&args, 2);
    mp_put_str(&args, id);
    if (mp_at_end(&object))
        mp_put_nil(&args);
    else
        mp_put_raw(&args, access_show(self, NULL, id, object));
    if (!args.failed)
        self->env->publish(self->env, "objectChange", request, acl, mp_of_buf(&args));
    buf_fini(&args);
}

/* Whoever keeps events must not hand them out any more by the rights of before. */
static void publish_rights(objects_t *self, const request_t *request, str_t id)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_str(&args, id);
    if (!args.failed)
        self->env->publish(self->env, "rightsChange", request, (mp_t){NULL, NULL},
                           mp_of_buf(&args));
    buf_fini(&args);
}

/* Whether a value is nested at most `levels` deep. Messages are bounded, so is the recursion. */
static bool fits_depth(mp_t *at, unsigned levels)
{
    uint32_t count;
    mp_type_t type = mp_type(*at);
    if (type != MP_ARRAY && type != MP_MAP)
        return mp_skip(at);
    if (levels == 0)
        return false;
    bool map = type == MP_MAP;
    if (!(map ? mp_read_map(at, &count) : mp_read_array(at, &count)))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if ((map && !mp_skip(at)) || !fits_depth(at, levels - 1))
            return false;
    }
    return true;
}

err_t objects_change(objects_t *self, const request_t *request, str_t id, mp_t object)
{
    if ((size_t)(object.end - object.p) > self->max_value)
        return ERR_TOO_LARGE;
    mp_t at = object;
    if (!fits_depth(&at, OBJECTS_DEPTH_MAX))
        return ERR_TOO_DEEP;
    bool existed;
    buf_t before = {0}, acl = {0};
    err_t err = read_acl(self, id, &before, &existed);
    if (err == ERR_OK)
        err = objects_store_put(self->store, id, object);
    if (err == ERR_OK) {
        put_acl(&acl, object);
        if (existed && !str_eq(buf_str(&before), buf_str(&acl)))
            publish_rights(self, request, id);
        publish(self, request, id, object, mp_of_buf(&acl));
    }
    buf_fini(&before);
    buf_fini(&acl);
    return err;
}

err_t objects_remove(objects_t *self, const request_t *request, str_t id)
{
    bool existed;
    buf_t acl = {0};
    err_t err = read_acl(self, id, &acl, &existed);
    if (err == ERR_OK)
        err = objects_store_delete(self->store, id);
    if (err == ERR_OK)
        publish(self, request, id, (mp_t){NULL, NULL}, mp_of_buf(&acl));
    buf_fini(&acl);
    return err;
}

/* Keeps what is derived from the objects. */
static void objects_seen(void *arg, str_t id, mp_t object)
{
    objects_t *self = arg;
    rights_feed(self->rights, id, object);
    enums_feed(self->enums, id, object);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static err_t open_engine(engine_t **engine, const config_t *config, buf_t *why)
{
    const char *data = config_text(config, "data");
    if (strcmp(data, MEMORY_FOLDER) == 0) {
        *engine = engine_open_memory();
        return *engine ? ERR_OK : ERR_NO_MEMORY;
    }
    if (mkdir(data, 0750) != 0 && errno != EEXIST) {
        buf_printf(why, "objects: cannot create data folder %s: %s", data, strerror(errno));
        return ERR_IO;
    }
    buf_t path;
    buf_init(&path);
    buf_printf(&path, "%s/objects", data);
    buf_append_byte(&path, 0);
    engine_options_t options = {
        .path = path.failed ? data : (const char *)path.data,
        .name = "objects",
        .format = OBJECTS_FORMAT,
        .durability =
            (engine_durability_t)engine_durability_parse(config_text(config, "objects-durability")),
        .sync_interval_ms = config_int(config, "sync-interval"),
        .cache_bytes = (size_t)config_int(config, "store-cache"),
    };
    err_t err = path.failed ? ERR_NO_MEMORY : engine_open(engine, &options, why);
    buf_fini(&path);
    return err;
}

static err_t put_seed(void *arg, str_t id, mp_t object)
{
    objects_t *self = arg;
    return objects_store_put(self->store, id, object);
}

/* The first start of an installation. */
static err_t write_seed(objects_t *self, const config_t *config, const char *host, buf_t *why)
{
    uint8_t bytes[SECRET_BYTES];
    char secret[2 * SECRET_BYTES + 1];
    size_t listeners;
    const char *const *listen = config_list(config, "listen", &listeners);
    self->env->random(self->env, bytes, sizeof bytes);
    for (size_t i = 0; i < SECRET_BYTES; i++)
        snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
    seed_t seed = {
        .host = host,
        .instance = config_text(config, "instance"),
        .default_user = config_text(config, "default-user"),
        .version = config_text(config, "compatible-version"),
        .listen = listeners ? listen[0] : "",
        .secret = secret,
        .auth = config_bool(config, "auth"),
        .now_ms = self->env->now(self->env),
    };
    err_t err = seed_write(&seed, put_seed, self);
    if (err == ERR_OK)
        err = objects_store_commit(self->store);
    if (err != ERR_OK)
        buf_printf(why, "objects: cannot write the first objects: %s", err_text(err));
    else
        log_info("OBJECTS-SEED", "objects=%zu", index_count(objects_store_index(self->store)));
    return err;
}

static void objects_close(void **self_p)
{
    objects_t *self = *self_p;
    if (!self)
        return;
    objects_store_close(&self->store);
    rights_destroy(&self->rights);
    enums_destroy(&self->enums);
    free(self->host);
    buf_fini(&self->hold);
    buf_fini(&self->shown);
    buf_fini(&self->made);
    free(self);
    *self_p = NULL;
}

static err_t open_parts(objects_t *self, const config_t *config, const char *host, buf_t *why)
{
    engine_t *engine = NULL;
    size_t size = strlen(host) + sizeof "system.host.";
    self->host = malloc(size);
    self->rights = rights_new();
    self->enums = enums_new();
    if (!self->host || !self->rights || !self->enums)
        return ERR_NO_MEMORY;
    snprintf(self->host, size, "system.host.%s", host);
    err_t err = open_engine(&engine, config, why);
    if (err == ERR_OK)
        err = objects_store_open(&self->store, &engine, objects_seen, self, why);
    if (err == ERR_OK && index_count(objects_store_index(self->store)) == 0)
        err = write_seed(self, config, host, why);
    return err;
}

static err_t objects_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    void *self = calloc(1, sizeof(objects_t));
    char *host = host_name(config);
    err_t err = ERR_NO_MEMORY;
    if (self && host) {
        ((objects_t *)self)->env = env;
        ((objects_t *)self)->max_value = (size_t)config_int(config, "max-value");
        ((objects_t *)self)->max_answer = (size_t)config_int(config, "max-frame") - ANSWER_OVERHEAD;
        err = open_parts(self, config, host, why);
    }
    free(host);
    if (err != ERR_OK) {
        if (why->len == 0)
            buf_printf(why, "objects: %s", err_text(err));
        objects_close(&self);
    }
    *self_p = self;
    return err;
}

static err_t objects_commit(void *actor)
{
    objects_t *self = actor;
    return objects_store_commit(self->store);
}

static int64_t objects_tick(void *actor, int64_t mono_ms)
{
    objects_t *self = actor;
    return engine_tick(objects_store_engine(self->store), mono_ms);
}

static void objects_reload(void *actor, const config_t *config)
{
    objects_t *self = actor;
    self->max_value = (size_t)config_int(config, "max-value");
}

/* --- the actor ---------------------------------------------------------------------------------
 */

/* Missing arguments are the handlers' business: they have an error text for them. */
static const command_t commands[] = {
    {"getObject", objects_on_getObject, 0, CMD_READ},
    {"getObjects", objects_on_getObjects, 0, CMD_READ},
    {"getAllObjects", objects_on_getObjects, 0, CMD_READ},
    {"getObjectView", views_on_getObjectView, 0, CMD_READ},
    {"getForeignObjects", objects_on_getForeignObjects, 0, CMD_READ},
    {"getAdapterInstances", objects_on_getAdapterInstances, 0, CMD_READ},
    {"getCompactSystemConfig", objects_on_getCompactSystemConfig, 0, CMD_READ},
    {"setObject", objects_on_setObject, 0, CMD_WRITE},
    {"extendObject", objects_on_extendObject, 0, CMD_WRITE},
    {"delObject", objects_on_delObject, 0, CMD_WRITE},
    {"delObjectAdmin", objects_on_delObjectAdmin, 0, CMD_WRITE},
    {"delObjects", objects_on_delObjects, 0, CMD_WRITE},
    {"objects.get", objects_on_get, 1, CMD_READ},
    {"objects.peek", objects_on_get, 1, CMD_READ | CMD_SECRET},
    {"objects.patch", objects_on_extendObject, 2, CMD_WRITE | CMD_SECRET},
    {"objects.put", objects_on_put, 1, CMD_WRITE},
    {"objects.del", objects_on_del, 1, CMD_WRITE},
    {"objects.scan", objects_on_scan, 2, CMD_READ | CMD_SECRET},
    {NULL, NULL, 0, 0},
};

static const char *const barrier[] = {"states", "files", "auth", NULL};

const actor_t objects_actor = {
    .name = "objects",
    .commands = commands,
    .barrier = barrier,
    .open = objects_open,
    .close = objects_close,
    .commit = objects_commit,
    .tick = objects_tick,
    .reload = objects_reload,
};
