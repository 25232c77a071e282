/* SPDX-License-Identifier: MIT */
#include "actors/seed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/views.h"
#include "bus/tree.h"

#define OWNER "system.user.admin"
#define GROUP "system.group.administrator"

/* --- the table ---------------------------------------------------------------------------------
 */

/* What stands between the two parts of an id. */
typedef enum { FILL_NONE, FILL_HOST, FILL_INSTANCE } fill_t;

/* Completes an object with what is only known at run time. */
typedef void finish_fn(json_t *object, const seed_t *seed);

static finish_fn finish_design, finish_config, finish_host, finish_instance;

typedef struct {
    const char *before;
    fill_t fill;
    const char *after;
    int acl;            /* its acl.object; states get the same as acl.state */
    finish_fn *finish;  /* or NULL */
    const char *object; /* JSON; acl, from, user, ts and _id are added */
} row_t;

#define RIGHTS_OF_ALL                                                                              \
    "{\"object\":{\"list\":true,\"read\":true,\"write\":true,\"delete\":true},"                    \
    "\"state\":{\"list\":true,\"read\":true,\"write\":true,\"create\":true,\"delete\":true},"      \
    "\"users\":{\"list\":true,\"read\":true,\"write\":true,\"create\":true,\"delete\":true},"      \
    "\"other\":{\"execute\":true,\"http\":true,\"sendto\":true},"                                  \
    "\"file\":{\"list\":true,\"read\":true,\"write\":true,\"create\":true,\"delete\":true}}"
#define RIGHTS_OF_USERS                                                                            \
    "{\"object\":{\"list\":true,\"read\":true,\"write\":false,\"delete\":false},"                  \
    "\"state\":{\"list\":true,\"read\":true,\"write\":true,\"create\":true,\"delete\":false},"     \
    "\"users\":{\"list\":true,\"read\":true,\"write\":false,\"create\":false,\"delete\":false},"   \
    "\"other\":{\"execute\":false,\"http\":true,\"sendto\":false},"                                \
    "\"file\":{\"list\":true,\"read\":true,\"write\":false,\"create\":false,\"delete\":false}}"
#define STATE(name, type, role, write)                                                             \
    "{\"type\":\"state\",\"common\":{\"name\":\"" name "\",\"type\":\"" type "\",\"role\":\"" role \
    "\",\"read\":true,\"write\":" write "},\"native\":{}}"
#define FIGURE(name, unit)                                                                         \
    "{\"type\":\"state\",\"common\":{\"name\":\"" name "\",\"type\":\"number\","                   \
    "\"role\":\"indicator.state\",\"unit\":\"" unit "\",\"read\":true,\"write\":false},"           \
    "\"native\":{}}"

static const row_t rows[] = {
    {"_design/system", FILL_NONE, "", 0x444, finish_design,
     "{\"type\":\"design\",\"language\":\"javascript\","
     "\"common\":{\"name\":\"Views of objects by type\",\"dontDelete\":true},\"views\":{}}"},
    {"_design/custom", FILL_NONE, "", 0x444, finish_design,
     "{\"type\":\"design\",\"language\":\"javascript\","
     "\"common\":{\"name\":\"View of states with settings of instances\"},\"views\":{}}"},
    {"system.certificates", FILL_NONE, "", 0x600, NULL,
     "{\"type\":\"config\",\"common\":{\"name\":\"Certificates\",\"dontDelete\":true},"
     "\"native\":{\"certificates\":{}}}"},
    {"system.repositories", FILL_NONE, "", 0x644, NULL,
     "{\"type\":\"config\",\"common\":{\"name\":\"Repositories\",\"dontDelete\":true},"
     "\"native\":{\"repositories\":{}}}"},
    {"enum.functions", FILL_NONE, "", 0x777, NULL,
     "{\"type\":\"enum\",\"common\":{\"name\":{\"en\":\"Functions\",\"de\":\"Funktionen\"},"
     "\"desc\":\"What things are for\",\"members\":[],\"dontDelete\":true},\"native\":{}}"},
    {"enum.rooms", FILL_NONE, "", 0x777, NULL,
     "{\"type\":\"enum\",\"common\":{\"name\":{\"en\":\"Rooms\",\"de\":\"R\xc3\xa4ume\"},"
     "\"desc\":\"Where things are\",\"members\":[],\"dontDelete\":true},\"native\":{}}"},
    {"system.group.user", FILL_NONE, "", 0x644, NULL,
     "{\"type\":\"group\",\"common\":{\"name\":\"User\","
     "\"desc\":\"May see everything and set states\",\"members\":[],\"dontDelete\":true,"
     "\"acl\":" RIGHTS_OF_USERS "},\"native\":{}}"},
    {"system.group.administrator", FILL_NONE, "", 0x644, NULL,
     "{\"type\":\"group\",\"common\":{\"name\":\"Administrator\","
     "\"desc\":\"May do everything\",\"members\":[\"" OWNER "\"],\"dontDelete\":true,"
     "\"acl\":" RIGHTS_OF_ALL "},\"native\":{}}"},
    {"system.config", FILL_NONE, "", 0x644, finish_config,
     "{\"type\":\"config\",\"common\":{\"name\":\"Settings of the system\",\"language\":\"en\","
     "\"tempUnit\":\"\xc2\xb0"
     "C\",\"currency\":\"\xe2\x82\xac\",\"dateFormat\":\"DD.MM.YYYY\","
     "\"isFloatComma\":false,\"licenseConfirmed\":true,\"activeRepo\":[],\"diag\":\"none\","
     "\"defaultHistory\":\"\",\"city\":\"\",\"country\":\"\",\"expertMode\":false,"
     "\"firstDayOfWeek\":\"monday\",\"defaultLogLevel\":\"info\",\"tabs\":[],\"dontDelete\":true,"
     "\"defaultNewAcl\":{\"owner\":\"" OWNER "\",\"ownerGroup\":\"" GROUP "\","
     "\"object\":1636,\"state\":1636,\"file\":1636}},\"native\":{}}"},
    {"system.user.admin", FILL_NONE, "", 0x644, NULL,
     "{\"type\":\"user\",\"common\":{\"name\":\"admin\",\"password\":\"\",\"enabled\":true,"
     "\"dontDelete\":true},\"native\":{}}"},
    {"0_userdata.0", FILL_NONE, "", 0x664, NULL,
     "{\"type\":\"meta\",\"common\":{\"name\":\"Objects and files of the user\","
     "\"type\":\"meta.user\",\"dontDelete\":true},\"native\":{}}"},
    {"vis.0", FILL_NONE, "", 0x664, NULL,
     "{\"type\":\"meta\",\"common\":{\"name\":\"Files of vis\",\"type\":\"meta.user\"},"
     "\"native\":{}}"},
    {"system.host.", FILL_HOST, "", 0x644, finish_host,
     "{\"type\":\"host\",\"common\":{\"title\":\"iobus\",\"type\":\"iobus\"},"
     "\"native\":{\"process\":{},\"os\":{},\"hardware\":{\"networkInterfaces\":{}}}}"},
    {"system.host.", FILL_HOST, ".alive", 0x644, NULL,
     STATE("Host is running", "boolean", "indicator.state", "false")},
    {"system.adapter.", FILL_INSTANCE, "", 0x644, finish_instance,
     "{\"type\":\"instance\",\"common\":{\"enabled\":true,\"mode\":\"daemon\","
     "\"type\":\"communication\",\"title\":\"Web interface\",\"loglevel\":\"info\","
     "\"adminUI\":{\"config\":\"none\"}},"
     "\"native\":{\"secure\":false,\"certPublic\":\"\",\"certPrivate\":\"\","
     "\"certChained\":\"\",\"leEnabled\":false,\"leUpdate\":false,\"leCheckPort\":80,"
     "\"ttl\":3600,\"forceWebSockets\":false,\"compatibilityV2\":true,\"language\":\"\"},"
     "\"protectedNative\":[],\"encryptedNative\":[],\"instanceObjects\":[],\"objects\":[]}"},
    {"system.adapter.", FILL_INSTANCE, ".alive", 0x644, NULL,
     STATE("Instance is running", "boolean", "indicator.state", "true")},
    {"system.adapter.", FILL_INSTANCE, ".connected", 0x644, NULL,
     STATE("Instance reaches its host", "boolean", "indicator.state", "false")},
    {"system.adapter.", FILL_INSTANCE, ".uptime", 0x644, NULL,
     FIGURE("Time since the start", "seconds")},
    {"system.adapter.", FILL_INSTANCE, ".memRss", 0x644, NULL, FIGURE("Memory", "MB")},
    {"system.adapter.", FILL_INSTANCE, ".inputCount", 0x644, NULL,
     FIGURE("Events in 15 seconds", "events/15 seconds")},
    {"system.adapter.", FILL_INSTANCE, ".outputCount", 0x644, NULL,
     FIGURE("Answers in 15 seconds", "events/15 seconds")},
    {"", FILL_INSTANCE, "", 0x644, NULL,
     "{\"type\":\"meta\",\"common\":{\"name\":\"Data of the web interface\","
     "\"type\":\"meta.folder\"},\"native\":{}}"},
    {"", FILL_INSTANCE, ".info", 0x644, NULL,
     "{\"type\":\"channel\",\"common\":{\"name\":\"Information\"},\"native\":{}}"},
    {"", FILL_INSTANCE, ".info.connection", 0x644, NULL,
     STATE("Web server is listening", "boolean", "indicator.connected", "false")},
    {"", FILL_INSTANCE, ".info.connected", 0x644, NULL,
     STATE("Who is connected", "string", "text", "false")},
};
#define ROWS (sizeof rows / sizeof rows[0])

/* --- what is only known at run time ------------------------------------------------------------
 */

static const char *source_of(const view_t *view, char *text, size_t size)
{
    static const char *const emits[] = {
        [VIEW_OBJECT] = "doc._id, doc",
        [VIEW_NAMED] = "doc.common.name, doc",
        [VIEW_CUSTOM] = "doc._id, doc.common.custom",
        [VIEW_LEGACY] = "doc._id, doc.common.custom || doc.common.history",
        [VIEW_STATS] = "doc._id, parseInt(doc._id.split('.').pop(), 10)",
    };
    static const char *const more[] = {
        [VIEW_OBJECT] = "",
        [VIEW_NAMED] = "",
        [VIEW_STATS] = "",
        [VIEW_CUSTOM] = " && doc.common && doc.common.custom",
        [VIEW_LEGACY] = " && doc.common && (doc.common.custom || doc.common.history)",
    };
    const char *condition = view->custom ? more[VIEW_CUSTOM] : more[view->kind];
    snprintf(text, size, "function (doc) { if (doc.type === '%s'%s) emit(%s); }",
             object_type_name(view->type), condition, emits[view->kind]);
    return text;
}

static void finish_design(json_t *object, const seed_t *seed)
{
    (void)seed;
    const char *id = json_string_value(json_object_get(object, "_id"));
    const char *design = strchr(id, '/') + 1;
    json_t *list = json_object_get(object, "views");
    char text[256];
    for (const view_t *view = views_all(); view->design; view++) {
        if (strcmp(view->design, design) != 0)
            continue;
        json_t *source = json_object();
        json_object_set_new(source, "map", json_string(source_of(view, text, sizeof text)));
        if (view->kind == VIEW_STATS)
            json_object_set_new(source, "reduce", json_string("_stats"));
        json_object_set_new(list, view->search, source);
    }
}

static void finish_config(json_t *object, const seed_t *seed)
{
    json_object_set_new(json_object_get(object, "native"), "secret", json_string(seed->secret));
}

static void finish_host(json_t *object, const seed_t *seed)
{
    json_t *common = json_object_get(object, "common");
    json_object_set_new(common, "name", json_sprintf("system.host.%s", seed->host));
    json_object_set_new(common, "hostname", json_string(seed->host));
    json_object_set_new(common, "installedVersion", json_string(seed->version));
    json_object_set_new(tree_path(object, "native", "os", NULL), "hostname",
                        json_string(seed->host));
}

/* Host and port of "HOST:PORT[,...]". */
static void split_listen(const char *listen, json_t **host, long *port)
{
    size_t len = strcspn(listen, ",");
    size_t colon = len;
    while (colon > 0 && listen[colon - 1] != ':')
        colon--;
    *port = strtol(listen + colon, NULL, 10);
    len = colon > 0 ? colon - 1 : 0;
    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    *host = json_stringn(listen, len);
}

static void finish_instance(json_t *object, const seed_t *seed)
{
    json_t *common = json_object_get(object, "common");
    json_t *native = json_object_get(object, "native");
    json_t *bind;
    long port;
    split_listen(seed->listen, &bind, &port);
    json_object_set_new(common, "name", json_stringn(seed->instance, strcspn(seed->instance, ".")));
    json_object_set_new(common, "version", json_string(seed->version));
    json_object_set_new(common, "installedVersion", json_string(seed->version));
    json_object_set_new(common, "host", json_string(seed->host));
    json_object_set_new(native, "port", json_integer(port));
    json_object_set_new(native, "bind", bind);
    json_object_set_new(native, "auth", json_boolean(seed->auth));
    json_object_set_new(native, "defaultUser", json_string(seed->default_user));
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void complete(json_t *object, const row_t *row, str_t id, const seed_t *seed)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    json_t *acl =
        json_pack("{s:s, s:s, s:i}", "owner", OWNER, "ownerGroup", GROUP, "object", row->acl);
    if (type && strcmp(type, "state") == 0)
        json_object_set_new(acl, "state", json_integer(row->acl));
    json_object_set_new(object, "acl", acl);
    json_object_set_new(object, "from", json_sprintf("system.host.%s", seed->host));
    json_object_set_new(object, "user", json_string(OWNER));
    json_object_set_new(object, "ts", json_integer(seed->now_ms));
    json_object_set_new(object, "_id", json_stringn_nocheck(id.p, id.len));
    if (row->finish)
        row->finish(object, seed);
}

static err_t write_row(const row_t *row, const seed_t *seed, seed_put_fn *put, void *arg)
{
    const char *const fills[] = {
        [FILL_NONE] = "", [FILL_HOST] = seed->host, [FILL_INSTANCE] = seed->instance};
    buf_t id, object;
    err_t err = ERR_NO_MEMORY;
    buf_init(&id);
    buf_init(&object);
    buf_append_cstr(&id, row->before);
    buf_append_cstr(&id, fills[row->fill]);
    buf_append_cstr(&id, row->after);
    json_t *tree = json_loads(row->object, 0, NULL);
    if (tree && !id.failed) {
        complete(tree, row, buf_str(&id), seed);
        tree_to_mp(&object, tree);
        if (!object.failed)
            err = put(arg, buf_str(&id), mp_of_buf(&object));
    }
    json_decref(tree);
    buf_fini(&id);
    buf_fini(&object);
    return err;
}

err_t seed_write(const seed_t *seed, seed_put_fn *put, void *arg)
{
    for (size_t i = 0; i < ROWS; i++) {
        err_t err = write_row(&rows[i], seed, put, arg);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}
