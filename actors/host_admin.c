/* SPDX-License-Identifier: MIT */
/* Commands of administrators about the installation as a whole. What they show they read as the
 * client that asks, so that its rights hold; of adapters, ratings, repositories and licenses there
 * is what an import has brought, or nothing. Source: commands.md 7; socket-classes 2.3.4,
 * socketCommandsAdmin. */
#include <stdlib.h>
#include <string.h>

#include "actors/cipher.h"
#include "actors/host_ctx.h"

#define TEXT_MAX 65536u /* bytes of an address, a name, a value to decrypt */

/* --- rows of a view -------------------------------------------------------------------------- */

/* getObjectView("system", search) with the client's rights; body: [nil, {rows: [{id, value}...]}].
 */
static err_t ask_view(host_t *self, const request_t *request, const char *search, void *data,
                      host_step_fn *step)
{
    buf_t args = {0};
    host_call_t *call = host_call_open(self, request);
    if (!call) {
        free(data);
        return ERR_BUSY;
    }
    call->data = data;
    call->free_data = free;
    mp_put_array(&args, 3);
    mp_put_cstr(&args, "system");
    mp_put_cstr(&args, search);
    mp_put_map(&args, 0);
    host_call_ask(call, "objects", "getObjectView", mp_of_buf(&args), step);
    buf_fini(&args);
    return ERR_PENDING;
}

typedef struct {
    mp_t at;
    uint32_t left;
} rows_t;

static rows_t rows_of(mp_t body)
{
    mp_t result, list;
    rows_t rows = {.left = 0};
    if (mp_at(body, 1, &result) && mp_find(result, "rows", &list) &&
        mp_read_array(&list, &rows.left))
        rows.at = list;
    return rows;
}

/* The next object and its id. */
static bool next_object(rows_t *rows, str_t *id, mp_t *object)
{
    mp_t row;
    while (rows->left > 0) {
        rows->left--;
        if (!mp_next(&rows->at, &row))
            return false;
        if (mp_find(row, "value", object) && mp_type(*object) == MP_MAP &&
            mp_find_str(object[0], "_id", id))
            return true;
    }
    return false;
}

/* Writes key and value when the path leads somewhere; returns how many. */
static uint32_t put_member(buf_t *out, const char *as, mp_t map, const char *key)
{
    mp_t value;
    if (!mp_find(map, key, &value))
        return 0;
    mp_put_cstr(out, as);
    mp_put_raw(out, value);
    return 1;
}

static mp_t common_of(mp_t object)
{
    mp_t common = {NULL, NULL};
    (void)mp_find(object, "common", &common);
    return common;
}

/* Members of one object, and what the key of its row is; the answer is a map of these. */
typedef uint32_t put_row_fn(buf_t *out, mp_t object);

static void answer_map(host_call_t *call, err_t status, mp_t body, const char *key, put_row_fn *put)
{
    reply_t reply;
    rows_t rows = rows_of(body);
    str_t id, name;
    mp_t object;
    uint32_t count = 0;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    reply_nil(&reply);
    buf_t *out = reply_value(&reply);
    size_t map = mp_begin_map(out);
    while (next_object(&rows, &id, &object)) {
        if (strcmp(key, "_id") == 0)
            name = id;
        else if (!mp_find_str(common_of(object), key, &name))
            continue;
        mp_put_str(out, name);
        size_t row = mp_begin_map(out);
        mp_end(out, row, put(out, object));
        count++;
    }
    mp_end(out, map, count);
    host_call_answer(&call, &reply);
    reply_fini(&reply);
}

/* --- instances and adapters ------------------------------------------------------------------ */

static uint32_t put_instance(buf_t *out, mp_t object)
{
    mp_t common = common_of(object);
    return put_member(out, "adminTab", common, "adminTab") +
           put_member(out, "name", common, "name") + put_member(out, "icon", common, "icon") +
           put_member(out, "enabled", common, "enabled") +
           put_member(out, "version", common, "version");
}

static void take_instances(host_call_t *call, err_t status, mp_t body)
{
    answer_map(call, status, body, "_id", put_instance);
}

err_t host_on_getCompactInstances(void *self, const request_t *request, reply_t *reply)
{
    (void)reply;
    return ask_view(self, request, "instance", NULL, take_instances);
}

static uint32_t put_adapter(buf_t *out, mp_t object)
{
    mp_t common = common_of(object);
    return put_member(out, "icon", common, "icon") + put_member(out, "v", common, "version") +
           put_member(out, "iv", common, "ignoreVersion");
}

static void take_compact_adapters(host_call_t *call, err_t status, mp_t body)
{
    answer_map(call, status, body, "name", put_adapter);
}

err_t host_on_getCompactAdapters(void *self, const request_t *request, reply_t *reply)
{
    (void)reply;
    return ask_view(self, request, "adapter", NULL, take_compact_adapters);
}

/* data: the name that is wanted; NULL: all. */
static void take_adapters(host_call_t *call, err_t status, mp_t body)
{
    reply_t reply;
    rows_t rows = rows_of(body);
    const char *wanted = call->data;
    str_t id, name;
    mp_t object;
    uint32_t count = 0;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    reply_nil(&reply);
    buf_t *out = reply_value(&reply);
    size_t list = mp_begin_array(out);
    while (next_object(&rows, &id, &object)) {
        if (wanted && (!mp_find_str(common_of(object), "name", &name) || !str_is(name, wanted)))
            continue;
        mp_put_raw(out, object);
        count++;
    }
    mp_end(out, list, count);
    host_call_answer(&call, &reply);
    reply_fini(&reply);
}

err_t host_on_getAdapters(void *self, const request_t *request, reply_t *reply)
{
    str_t name = host_arg_text(request, 0);
    if (name.len > TEXT_MAX)
        return reply_error(reply, "Invalid name");
    return ask_view(self, request, "adapter", name.len > 0 ? str_dup(name) : NULL, take_adapters);
}

/* --- hosts ----------------------------------------------------------------------------------- */

static void put_compact_host(buf_t *out, str_t id, mp_t object)
{
    mp_t common = common_of(object), interfaces;
    mp_put_map(out, 3);
    mp_put_cstr(out, "_id");
    mp_put_str(out, id);
    mp_put_cstr(out, "common");
    size_t map = mp_begin_map(out);
    uint32_t count = put_member(out, "name", common, "name") +
                     put_member(out, "icon", common, "icon") +
                     put_member(out, "color", common, "color") +
                     put_member(out, "hostname", common, "hostname") +
                     put_member(out, "installedVersion", common, "installedVersion");
    mp_end(out, map, count);
    mp_put_cstr(out, "native");
    mp_put_map(out, 1);
    mp_put_cstr(out, "hardware");
    mp_put_map(out, 1);
    mp_put_cstr(out, "networkInterfaces");
    if (mp_path(object, &interfaces, "native", "hardware", "networkInterfaces", NULL))
        mp_put_raw(out, interfaces);
    else
        mp_put_map(out, 0);
}

static void take_compact_hosts(host_call_t *call, err_t status, mp_t body)
{
    reply_t reply;
    rows_t rows = rows_of(body);
    str_t id;
    mp_t object;
    uint32_t count = 0;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    reply_nil(&reply);
    buf_t *out = reply_value(&reply);
    size_t list = mp_begin_array(out);
    while (next_object(&rows, &id, &object)) {
        put_compact_host(out, id, object);
        count++;
    }
    mp_end(out, list, count);
    host_call_answer(&call, &reply);
    reply_fini(&reply);
}

err_t host_on_getCompactHosts(void *self, const request_t *request, reply_t *reply)
{
    (void)reply;
    return ask_view(self, request, "host", NULL, take_compact_hosts);
}

static bool list_has_address(mp_t list, const char *address)
{
    uint32_t count;
    mp_t item;
    str_t text;
    if (!mp_read_array(&list, &count))
        return false;
    for (uint32_t i = 0; i < count && mp_next(&list, &item); i++) {
        if (mp_find_str(item, "address", &text) && str_is(text, address))
            return true;
    }
    return false;
}

/* By its name, or by one of its addresses. */
static bool is_host_of(mp_t object, const char *address)
{
    mp_t interfaces, list;
    str_t text, key;
    uint32_t count;
    if (mp_find_str(common_of(object), "hostname", &text) && str_is(text, address))
        return true;
    if (!mp_path(object, &interfaces, "native", "hardware", "networkInterfaces", NULL) ||
        !mp_read_map(&interfaces, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&interfaces, &key) || !mp_next(&interfaces, &list))
            return false;
        if (list_has_address(list, address))
            return true;
    }
    return false;
}

/* [ip, host or nil]: the first argument is no error. */
static void take_host(host_call_t *call, err_t status, mp_t body)
{
    reply_t reply;
    rows_t rows = rows_of(body);
    const char *address = call->data;
    str_t id;
    mp_t object;
    bool found = false;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    reply_str(&reply, str_of(address));
    while (!found && next_object(&rows, &id, &object))
        found = is_host_of(object, address);
    if (found)
        reply_raw(&reply, object);
    else
        reply_nil(&reply);
    host_call_answer(&call, &reply);
    reply_fini(&reply);
}

err_t host_on_getHostByIp(void *self, const request_t *request, reply_t *reply)
{
    str_t address = host_arg_text(request, 0);
    if (address.len == 0 || address.len > TEXT_MAX || memchr(address.p, 0, address.len))
        return reply_error(reply, "Invalid address");
    char *copy = str_dup(address);
    return copy ? ask_view(self, request, "host", copy, take_host) : ERR_NO_MEMORY;
}

/* --- repositories ---------------------------------------------------------------------------- */

static void put_repository(buf_t *out, mp_t repository)
{
    uint32_t count = 0, kept = 0;
    mp_t at = repository, value;
    str_t key;
    size_t map = mp_begin_map(out);
    if (!mp_read_map(&at, &count))
        count = 0;
    for (uint32_t i = 0; i < count && mp_read_str(&at, &key) && mp_next(&at, &value); i++) {
        mp_put_str(out, key);
        kept++;
        if (!str_is(key, "json")) {
            mp_put_raw(out, value);
            continue;
        }
        size_t json = mp_begin_map(out);
        mp_end(out, json, put_member(out, "_repoInfo", value, "_repoInfo"));
    }
    mp_end(out, map, kept);
}

/* The object with the contents of its repositories left out. */
static void put_repositories(buf_t *out, mp_t object)
{
    mp_t list, value;
    str_t key;
    uint32_t count = 0;
    size_t map = mp_begin_map(out);
    uint32_t members =
        put_member(out, "_id", object, "_id") + put_member(out, "common", object, "common") + 1;
    mp_put_cstr(out, "native");
    mp_put_map(out, 1);
    mp_put_cstr(out, "repositories");
    size_t repositories = mp_begin_map(out);
    uint32_t kept = 0;
    if (!mp_path(object, &list, "native", "repositories", NULL) || !mp_read_map(&list, &count))
        count = 0;
    for (; kept < count && mp_read_str(&list, &key) && mp_next(&list, &value); kept++) {
        mp_put_str(out, key);
        put_repository(out, value);
    }
    mp_end(out, repositories, kept);
    mp_end(out, map, members);
}

static void take_repositories(host_call_t *call, err_t status, mp_t body)
{
    reply_t reply;
    mp_t object;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    reply_nil(&reply);
    if (mp_at(body, 1, &object) && mp_type(object) == MP_MAP)
        put_repositories(reply_value(&reply), object);
    else
        reply_nil(&reply);
    host_call_answer(&call, &reply);
    reply_fini(&reply);
}

err_t host_on_getCompactSystemRepositories(void *self, const request_t *request, reply_t *reply)
{
    buf_t args = {0};
    (void)reply;
    host_call_t *call = host_call_open(self, request);
    if (!call)
        return ERR_BUSY;
    mp_put_array(&args, 1);
    mp_put_cstr(&args, "system.repositories");
    host_call_ask(call, "objects", "getObject", mp_of_buf(&args), take_repositories);
    buf_fini(&args);
    return ERR_PENDING;
}

/* --- what there is nothing of ---------------------------------------------------------------- */

err_t host_on_getCompactRepository(void *self, const request_t *request, reply_t *reply)
{
    (void)self, (void)request;
    mp_put_map(reply_value(reply), 0);
    return ERR_OK;
}

err_t host_on_getCompactInstalled(void *self, const request_t *request, reply_t *reply)
{
    return host_on_getCompactRepository(self, request, reply);
}

err_t host_on_getRatings(void *self, const request_t *request, reply_t *reply)
{
    (void)self, (void)request;
    reply_nil(reply);
    mp_put_map(reply_value(reply), 0);
    return ERR_OK;
}

err_t host_on_updateLicenses(void *self, const request_t *request, reply_t *reply)
{
    (void)self, (void)request;
    return reply_error(reply, "There are no licenses on this server");
}

err_t host_on_getIsEasyModeStrict(void *self, const request_t *request, reply_t *reply)
{
    (void)self, (void)request;
    reply_nil(reply);
    reply_bool(reply, false);
    return ERR_OK;
}

err_t host_on_getEasyMode(void *self, const request_t *request, reply_t *reply)
{
    (void)self, (void)request;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 2);
    mp_put_cstr(out, "strict");
    mp_put_bool(out, false);
    mp_put_cstr(out, "configs");
    mp_put_array(out, 0);
    return ERR_OK;
}

/* The outbox of each client has its own protection: there is nothing to switch. */
err_t host_on_eventsThreshold(void *self, const request_t *request, reply_t *reply)
{
    (void)self, (void)request;
    reply_nil(reply);
    return ERR_OK;
}

err_t host_on_getCurrentInstance(void *self, const request_t *request, reply_t *reply)
{
    (void)self;
    reply_nil(reply);
    reply_str(reply, request->caller.instance);
    return ERR_OK;
}

/* --- decrypt, encrypt ------------------------------------------------------------------------ */

typedef struct {
    bool encrypt;
    buf_t text;
} secret_job_t;

static void free_job(void *data)
{
    secret_job_t *job = data;
    buf_fini(&job->text);
    free(job);
}

/* body: [nil, [system.config]] */
static void take_config(host_call_t *call, err_t status, mp_t body)
{
    secret_job_t *job = call->data;
    uint8_t iv[CIPHER_IV_BYTES];
    mp_t list, config, native;
    str_t secret = {"", 0};
    buf_t made = {0};
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    if (mp_at(body, 1, &list) && mp_at(list, 0, &config) && mp_find(config, "native", &native))
        (void)mp_find_str(native, "secret", &secret);
    call->host->env->random(call->host->env, iv, sizeof iv);
    err_t err = job->encrypt ? cipher_encrypt(&made, secret, buf_str(&job->text), iv)
                             : cipher_decrypt(&made, secret, buf_str(&job->text));
    if (err == ERR_OK) {
        reply_t reply;
        reply_init(&reply);
        reply_nil(&reply);
        reply_str(&reply, buf_str(&made));
        host_call_answer(&call, &reply);
        reply_fini(&reply);
    } else {
        host_call_fail(&call, "%s",
                       err == ERR_BAD_ARGS ? "There is no secret in system.config" : err_text(err));
    }
    buf_fini(&made);
}

/* Whoever may do this could as well read the secret, which only administrators can. */
static err_t run_cipher(host_t *self, const request_t *request, reply_t *reply, bool encrypt)
{
    mp_t value;
    str_t text;
    buf_t args = {0};
    if (!rights_is_admin(self->rights, request->caller.user))
        return ERR_PERMISSION;
    if (!request_arg(request, 0, &value) || !mp_read_str(&value, &text) || text.len > TEXT_MAX)
        return reply_error(reply, "Invalid text");
    secret_job_t *job = calloc(1, sizeof *job);
    host_call_t *call = job ? host_call_open(self, request) : NULL;
    if (!call) {
        free(job);
        return ERR_BUSY;
    }
    job->encrypt = encrypt;
    buf_append_str(&job->text, text);
    call->data = job;
    call->free_data = free_job;
    mp_put_array(&args, 1);
    mp_put_array(&args, 1);
    mp_put_cstr(&args, "system.config");
    host_call_ask_as_system(call, "objects", "objects.peek", mp_of_buf(&args), take_config);
    buf_fini(&args);
    return ERR_PENDING;
}

err_t host_on_decrypt(void *self, const request_t *request, reply_t *reply)
{
    return run_cipher(self, request, reply, false);
}

err_t host_on_encrypt(void *self, const request_t *request, reply_t *reply)
{
    return run_cipher(self, request, reply, true);
}
