/* SPDX-License-Identifier: MIT */
#include "gateway/rest_route.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/rest_input.h"

static int refuse(rest_request_t *out, int status, const char *detail)
{
    out->detail = detail;
    return status;
}

static int bad_param(rest_request_t *out)
{
    return refuse(out, 400, "A parameter of the query cannot be read");
}

static int bad_id(rest_request_t *out)
{
    return refuse(out, 400, "The id is empty, too long, or not properly percent-encoded UTF-8");
}

/* --- parts of arguments --------------------------------------------------------------------------
 */

/* Appends the id of the path; false: it is none. */
static bool put_id(rest_request_t *out, buf_t *args)
{
    buf_t id = {0};
    bool ok = rest_decode(&id, out->rest, false);
    if (ok)
        mp_put_str(args, buf_str(&id));
    buf_fini(&id);
    return ok;
}

/* [id] */
static int build_id(const rest_source_t *source, rest_request_t *out)
{
    (void)source;
    mp_put_array(&out->args, 1);
    return put_id(out, &out->args) ? 0 : bad_id(out);
}

/* The ids of "a,b,c". No id contains a comma. */
static void put_ids(str_t text, buf_t *args)
{
    uint32_t count = 0;
    size_t mark = mp_begin_array(args);
    while (text.len > 0) {
        const char *stop = memchr(text.p, ',', text.len);
        size_t len = stop ? (size_t)(stop - text.p) : text.len;
        if (len > 0) {
            mp_put_str(args, (str_t){text.p, len});
            count++;
        }
        size_t used = len + (stop ? 1 : 0);
        text = (str_t){text.p + used, text.len - used};
    }
    mp_end(args, mark, count);
}

/* Appends the pattern, "*" when there is none. */
static bool put_pattern(str_t query, buf_t *args)
{
    buf_t pattern = {0};
    rest_param_t given = rest_param_text(query, "pattern", &pattern);
    if (pattern.len == 0)
        buf_append_byte(&pattern, '*');
    mp_put_str(args, buf_str(&pattern));
    buf_fini(&pattern);
    return given != REST_PARAM_BAD;
}

/* --- states --------------------------------------------------------------------------------------
 */

/* A list of ids may be as long as a request, a single id may not. */
static rest_param_t find_ids(str_t query, buf_t *out)
{
    str_t key, value;
    while (rest_param_next(&query, &key, &value)) {
        if (!str_is(key, "ids"))
            continue;
        while (value.len > 0) {
            const char *stop = memchr(value.p, ',', value.len);
            size_t len = stop ? (size_t)(stop - value.p) : value.len;
            if (len > 0 && !rest_decode(out, (str_t){value.p, len}, true))
                return REST_PARAM_BAD;
            buf_append_byte(out, ',');
            size_t used = len + (stop ? 1 : 0);
            value = (str_t){value.p + used, value.len - used};
        }
        return REST_PARAM_GIVEN;
    }
    return REST_PARAM_ABSENT;
}

/* [ids] or [pattern] */
static int build_states(const rest_source_t *source, rest_request_t *out)
{
    buf_t ids = {0};
    rest_param_t given = find_ids(source->query, &ids);
    bool ok = given != REST_PARAM_BAD;
    mp_put_array(&out->args, 1);
    if (given == REST_PARAM_GIVEN)
        put_ids(buf_str(&ids), &out->args);
    else
        ok = put_pattern(source->query, &out->args) && ok;
    buf_fini(&ids);
    return ok ? 0 : bad_param(out);
}

static int build_state(const rest_source_t *source, rest_request_t *out)
{
    bool plain = false;
    rest_param_t given = rest_param_flag(source->query, "value", &plain);
    if (given == REST_PARAM_BAD)
        return bad_param(out);
    if (plain)
        out->shape = REST_PLAIN;
    return build_id(source, out);
}

/* Reads the body; 0 or the status. */
static int read_body(const rest_source_t *source, rest_request_t *out, buf_t *value)
{
    rest_body_t kind = rest_body_of(source->content_type);
    if (kind == REST_BODY_UNKNOWN)
        return refuse(out, 415, "The body has to be application/json or text/plain");
    if (source->body.len == 0 && kind != REST_BODY_TEXT)
        return refuse(out, 400, "The body is empty");
    err_t err = rest_body_value(value, kind, source->body);
    return err == ERR_OK ? 0 : refuse(out, 400, err_text(err));
}

/* A state object with its flag replaced. */
static void put_with_ack(mp_t map, bool ack, buf_t *out)
{
    uint32_t count, kept = 0;
    size_t mark = mp_begin_map(out);
    mp_t key, value;
    (void)mp_read_map(&map, &count);
    for (uint32_t i = 0; i < count && mp_next(&map, &key) && mp_next(&map, &value); i++) {
        str_t name;
        mp_t cursor = key;
        if (mp_read_str(&cursor, &name) && str_is(name, "ack"))
            continue;
        mp_put_raw(out, key);
        mp_put_raw(out, value);
        kept++;
    }
    mp_put_cstr(out, "ack");
    mp_put_bool(out, ack);
    mp_end(out, mark, kept + 1);
}

/* What is no state object becomes the value of one. */
static void put_state(mp_t value, bool has_ack, bool ack, buf_t *out)
{
    if (mp_type(value) == MP_MAP && !has_ack) {
        mp_put_raw(out, value);
    } else if (mp_type(value) == MP_MAP) {
        put_with_ack(value, ack, out);
    } else {
        mp_put_map(out, 2);
        mp_put_cstr(out, "val");
        mp_put_raw(out, value);
        mp_put_cstr(out, "ack");
        mp_put_bool(out, ack);
    }
}

/* [id, state] */
static int build_put_state(const rest_source_t *source, rest_request_t *out)
{
    bool ack = false;
    buf_t value = {0};
    rest_param_t given = rest_param_flag(source->query, "ack", &ack);
    int status = given == REST_PARAM_BAD ? bad_param(out) : read_body(source, out, &value);
    mp_put_array(&out->args, 2);
    if (status == 0 && !put_id(out, &out->args))
        status = bad_id(out);
    if (status == 0)
        put_state(mp_of_buf(&value), given == REST_PARAM_GIVEN, ack, &out->args);
    buf_fini(&value);
    return status;
}

/* As the web adapter's /state/ID (wire.md 5.3): the value, or with ?json the state. */
static int build_web_state(const rest_source_t *source, rest_request_t *out)
{
    buf_t ignored = {0};
    if (rest_param_text(source->query, "json", &ignored) != REST_PARAM_ABSENT)
        out->shape = REST_VALUE;
    buf_fini(&ignored);
    return build_id(source, out);
}

/* [id, state]: a state object, or the value of one as JSON or text, whatever the type says. */
static int build_post_state(const rest_source_t *source, rest_request_t *out)
{
    buf_t value = {0};
    mp_t found;
    mp_put_array(&out->args, 2);
    int status = put_id(out, &out->args) ? 0 : bad_id(out);
    err_t err = rest_body_value(&value, REST_BODY_TEXT, source->body);
    bool state = false;
    if (err == ERR_OK && source->body.len > 0 && source->body.p[0] == '{') {
        buf_t json = {0};
        if (rest_body_value(&json, REST_BODY_JSON, source->body) == ERR_OK &&
            mp_find(mp_of_buf(&json), "val", &found)) {
            mp_put_raw(&out->args, mp_of_buf(&json));
            state = true;
        }
        buf_fini(&json);
    }
    if (err == ERR_OK && !state)
        put_state(mp_of_buf(&value), true, false, &out->args);
    buf_fini(&value);
    return status == 0 && err != ERR_OK ? refuse(out, 400, err_text(err)) : status;
}

/* --- objects -------------------------------------------------------------------------------------
 */

/* [pattern, type]; "*": of all types. */
static int build_objects(const rest_source_t *source, rest_request_t *out)
{
    buf_t type = {0};
    rest_param_t given = rest_param_text(source->query, "type", &type);
    if (type.len == 0)
        buf_append_byte(&type, '*');
    mp_put_array(&out->args, 2);
    bool ok = put_pattern(source->query, &out->args) && given != REST_PARAM_BAD;
    mp_put_str(&out->args, buf_str(&type));
    buf_fini(&type);
    return ok ? 0 : bad_param(out);
}

/* [id, object] */
static int build_put_object(const rest_source_t *source, rest_request_t *out)
{
    buf_t value = {0};
    int status = read_body(source, out, &value);
    if (status == 0 && mp_type(mp_of_buf(&value)) != MP_MAP)
        status = refuse(out, 400, "An object has to be a JSON object");
    mp_put_array(&out->args, 2);
    if (status == 0 && !put_id(out, &out->args))
        status = bad_id(out);
    if (status == 0)
        mp_put_raw(&out->args, mp_of_buf(&value));
    buf_fini(&value);
    return status;
}

/* --- history -------------------------------------------------------------------------------------
 */

typedef enum { OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG, OPTION_TIME } option_kind_t;

static const struct {
    const char *name;   /* in the query */
    const char *option; /* of getHistory (data-model.md 10.2) */
    option_kind_t kind;
} options[] = {{"from", "start", OPTION_TIME},
               {"to", "end", OPTION_TIME},
               {"aggregate", "aggregate", OPTION_TEXT},
               {"count", "count", OPTION_NUMBER},
               {"limit", "limit", OPTION_NUMBER},
               {"step", "step", OPTION_NUMBER},
               {"round", "round", OPTION_NUMBER},
               {"percentile", "percentile", OPTION_NUMBER},
               {"quantile", "quantile", OPTION_NUMBER},
               {"integralUnit", "integralUnit", OPTION_NUMBER},
               {"ignoreNull", "ignoreNull", OPTION_TEXT},
               {"instance", "instance", OPTION_TEXT},
               {"returnNewestEntries", "returnNewestEntries", OPTION_FLAG},
               {"removeBorderValues", "removeBorderValues", OPTION_FLAG}};

/* Appends the value of one option; ABSENT: nothing. */
static rest_param_t put_option(str_t query, const char *name, option_kind_t kind, buf_t *out)
{
    double number = 0;
    bool flag = false;
    buf_t text = {0};
    rest_param_t given = REST_PARAM_BAD;
    if (kind == OPTION_NUMBER || kind == OPTION_TIME)
        given = rest_param_number(query, name, &number);
    if (given == REST_PARAM_GIVEN) {
        mp_put_double(out, number);
    } else if (kind == OPTION_FLAG) {
        given = rest_param_flag(query, name, &flag);
        mp_put_bool(out, flag);
    } else if (kind != OPTION_NUMBER) {
        given = rest_param_text(query, name, &text);
        mp_put_str(out, buf_str(&text));
        buf_fini(&text);
    }
    return given;
}

/* [id, options] */
static int build_history(const rest_source_t *source, rest_request_t *out)
{
    uint32_t count = 0;
    bool ok = true;
    mp_put_array(&out->args, 2);
    if (!put_id(out, &out->args))
        return bad_id(out);
    size_t mark = mp_begin_map(&out->args);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        size_t before = out->args.len;
        mp_put_cstr(&out->args, options[i].option);
        rest_param_t given =
            put_option(source->query, options[i].name, options[i].kind, &out->args);
        ok = ok && given != REST_PARAM_BAD;
        if (given == REST_PARAM_GIVEN)
            count++;
        else
            out->args.len = before;
    }
    mp_end(&out->args, mark, count);
    return ok ? 0 : bad_param(out);
}

/* --- files ---------------------------------------------------------------------------------------
 */

#define LIST_COMMAND "readDir"

static void put_pair(buf_t *out, str_t instance, str_t path)
{
    mp_put_array(out, 2);
    mp_put_str(out, instance);
    mp_put_str(out, path);
}

/* ["", ""]: the storages. */
static int build_storages(const rest_source_t *source, rest_request_t *out)
{
    (void)source;
    put_pair(&out->args, STR_LIT(""), STR_LIT(""));
    return 0;
}

/* [instance, path], first to ask whether it is a file. */
static void put_file(str_t all, rest_request_t *out)
{
    const char *slash = memchr(all.p, '/', all.len);
    str_t instance = {all.p, slash ? (size_t)(slash - all.p) : all.len};
    str_t path = slash ? (str_t){slash + 1, all.len - instance.len - 1} : STR_LIT("");
    put_pair(&out->args, instance, path);
    put_pair(&out->more, instance, path);
    if (path.len == 0 || path.p[path.len - 1] == '/') {
        out->command = LIST_COMMAND;
        out->shape = path.len == 0 ? REST_VALUE : REST_FOLDER;
    }
}

static int build_files(const rest_source_t *source, rest_request_t *out)
{
    buf_t all = {0};
    (void)source;
    /* Without a storage the address of the file would be that of a host. */
    bool ok = rest_decode(&all, out->rest, false) && buf_str(&all).p[0] != '/';
    if (ok)
        put_file(buf_str(&all), out);
    buf_fini(&all);
    return ok ? 0 : bad_id(out);
}

/* --- events --------------------------------------------------------------------------------------
 */

/* One call of the list: [name, arguments], whose arguments follow. */
static void begin_call(buf_t *out, const char *name, uint32_t argc)
{
    mp_put_array(out, 2);
    mp_put_cstr(out, name);
    mp_put_array(out, argc);
}

static void add_states(str_t pattern, rest_request_t *out, uint32_t *subscribes, uint32_t *reads)
{
    bool exact = !memchr(pattern.p, '*', pattern.len);
    begin_call(&out->args, "subscribe", 1);
    mp_put_str(&out->args, pattern);
    (*subscribes)++;
    begin_call(&out->more, "getStates", 1);
    if (exact) /* an id, for which a value that is not there is told */
        mp_put_array(&out->more, 1);
    mp_put_str(&out->more, pattern);
    (*reads)++;
}

static void add_objects(str_t pattern, rest_request_t *out, uint32_t *subscribes, uint32_t *reads)
{
    (void)reads;
    begin_call(&out->args, "subscribeObjects", 1);
    mp_put_str(&out->args, pattern);
    (*subscribes)++;
}

/* "vis.0/main/<stars>", or a storage alone for all its files. */
static void add_files(str_t pattern, rest_request_t *out, uint32_t *subscribes, uint32_t *reads)
{
    const char *slash = memchr(pattern.p, '/', pattern.len);
    size_t n = slash ? (size_t)(slash - pattern.p) : pattern.len;
    (void)reads;
    begin_call(&out->args, "subscribeFiles", 2);
    mp_put_str(&out->args, (str_t){pattern.p, n});
    if (slash && n + 1 < pattern.len)
        mp_put_str(&out->args, (str_t){slash + 1, pattern.len - n - 1});
    else
        mp_put_cstr(&out->args, "*");
    (*subscribes)++;
}

static const struct {
    const char *name;
    void (*add)(str_t pattern, rest_request_t *out, uint32_t *subscribes, uint32_t *reads);
} watched[] = {{"pattern", add_states}, {"objects", add_objects}, {"files", add_files}};

static bool add_watched(str_t key, str_t value, rest_request_t *out, uint32_t *subscribes,
                        uint32_t *reads)
{
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        buf_t pattern = {0};
        if (!str_is(key, watched[i].name))
            continue;
        bool ok = rest_decode(&pattern, value, true);
        if (ok)
            watched[i].add(buf_str(&pattern), out, subscribes, reads);
        buf_fini(&pattern);
        return ok;
    }
    return true;
}

static int build_events(const rest_source_t *source, rest_request_t *out)
{
    uint32_t subscribes = 0, reads = 0;
    str_t query = source->query, key, value;
    bool ok = rest_param_flag(query, "initial", &out->initial) != REST_PARAM_BAD;
    size_t first = mp_begin_array(&out->args), second = mp_begin_array(&out->more);
    while (rest_param_next(&query, &key, &value))
        ok = add_watched(key, value, out, &subscribes, &reads) && ok;
    mp_end(&out->args, first, subscribes);
    mp_end(&out->more, second, reads);
    if (!ok)
        return bad_param(out);
    return subscribes > 0 ? 0 : refuse(out, 400, "Say what to watch: pattern=, objects= or files=");
}

/* --- the table -----------------------------------------------------------------------------------
 */

static const rest_route_t routes[] = {
    {"/api/", HTTP_GET, REST_INDEX, NULL, REST_VALUE, "this list", NULL},
    {"/api/openapi.json", HTTP_GET, REST_OPENAPI, NULL, REST_VALUE, "this interface as OpenAPI",
     NULL},
    {"/api/status", HTTP_GET, REST_CALL, "iobusStatus", REST_VALUE, "how the server is", NULL},
    {"/api/states", HTTP_GET, REST_CALL, "getStates", REST_VALUE,
     "states by ?pattern= or ?ids=", build_states},
    {"/api/state/{id}", HTTP_GET, REST_CALL, "getState", REST_VALUE,
     "a state; ?value for its value alone", build_state},
    {"/api/state/{id}", HTTP_PUT, REST_CALL, "setState", REST_NOTHING, "writes a state",
     build_put_state},
    {"/api/state/{id}", HTTP_DELETE, REST_CALL, "delState", REST_NOTHING, "deletes a state",
     build_id},
    {"/api/objects", HTTP_GET, REST_CALL, "iobusObjects", REST_VALUE,
     "objects by ?pattern= and ?type=", build_objects},
    {"/api/object/{id}", HTTP_GET, REST_CALL, "getObject", REST_VALUE, "an object", build_id},
    {"/api/object/{id}", HTTP_PUT, REST_CALL, "setObject", REST_NOTHING, "writes an object",
     build_put_object},
    {"/api/object/{id}", HTTP_DELETE, REST_CALL, "delObject", REST_NOTHING, "deletes an object",
     build_id},
    {"/api/history/{id}", HTTP_GET, REST_CALL, "getHistory", REST_HISTORY,
     "recorded values, ?from=&to=&aggregate=&count=", build_history},
    {"/api/files/", HTTP_GET, REST_CALL, LIST_COMMAND, REST_VALUE, "the storages of files",
     build_storages},
    {"/api/files/{path}", HTTP_GET, REST_CALL, "fileExists", REST_EXISTS,
     "a folder, or the way to a file", build_files},
    {"/api/events", HTTP_GET, REST_EVENTS, NULL, REST_VALUE,
     "changes as server-sent events, ?pattern=&objects=&files=&initial=1", build_events},
    {"/state/{id}", HTTP_GET, REST_CALL, "getState", REST_PLAIN,
     "a value as the web adapter answers it; ?json for the state", build_web_state},
    {"/state/{id}", HTTP_POST, REST_CALL, "setState", REST_ID,
     "writes a state as the web adapter does", build_post_state},
    {NULL, HTTP_GET, REST_INDEX, NULL, REST_VALUE, NULL, NULL},
};

const rest_route_t *rest_routes(void)
{
    return routes;
}

/* Whether the path is that of the row; *rest is what stands for the placeholder. */
static bool path_fits(const rest_route_t *route, str_t path, str_t *rest)
{
    const char *open = strchr(route->path, '{');
    size_t n = open ? (size_t)(open - route->path) : strlen(route->path);
    *rest = (str_t){path.p + path.len, 0};
    if (path.len < n || memcmp(path.p, route->path, n) != 0)
        return false;
    if (open)
        *rest = (str_t){path.p + n, path.len - n};
    return open ? rest->len > 0 : path.len == n;
}

static const rest_route_t *find_route(const rest_source_t *source, rest_request_t *out)
{
    http_method_t method = source->method == HTTP_HEAD ? HTTP_GET : source->method;
    const rest_route_t *found = NULL;
    str_t path = str_is(source->path, "/api") ? STR_LIT("/api/") : source->path;
    for (const rest_route_t *route = routes; route->path; route++) {
        str_t rest;
        if (!path_fits(route, path, &rest))
            continue;
        out->allowed |= 1u << route->method;
        if (route->method != method || found)
            continue;
        found = route;
        out->rest = rest;
    }
    return found;
}

int rest_route_read(const rest_source_t *source, rest_request_t *out)
{
    *out = (rest_request_t){.kind = REST_OPTIONS};
    const rest_route_t *route = find_route(source, out);
    if (out->allowed == 0)
        return refuse(out, 404, "There is nothing below this path; /api/ lists what there is");
    if (source->method == HTTP_OPTIONS)
        return 0;
    if (!route)
        return refuse(out, 405, "This path does not have this method");
    out->route = route;
    out->kind = route->kind;
    out->command = route->command;
    out->shape = route->shape;
    int status = 0;
    if (route->build)
        status = route->build(source, out);
    else
        mp_put_array(&out->args, 0);
    if (status == 0 && (out->args.failed || out->more.failed))
        status = refuse(out, 503, err_text(ERR_NO_MEMORY));
    return status;
}

void rest_request_list(rest_request_t *self)
{
    buf_t args = self->args;
    self->args = self->more;
    self->more = args;
    self->command = LIST_COMMAND;
    self->shape = REST_FOLDER;
}

void rest_request_fini(rest_request_t *self)
{
    buf_fini(&self->args);
    buf_fini(&self->more);
}

void rest_allowed_text(unsigned allowed, buf_t *out)
{
    static const struct {
        http_method_t method;
        const char *text;
    } methods[] = {{HTTP_GET, "GET, HEAD, "},
                   {HTTP_POST, "POST, "},
                   {HTTP_PUT, "PUT, "},
                   {HTTP_DELETE, "DELETE, "}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (allowed & 1u << methods[i].method)
            buf_append_cstr(out, methods[i].text);
    }
    buf_append_cstr(out, "OPTIONS");
}
