/* SPDX-License-Identifier: MIT */
#include "gateway/web_info.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/json.h"
#include "gateway/listener.h"

#define SCRIPT "application/javascript; charset=utf-8"
#define LANGUAGE STR_LIT("en") /* when nobody has chosen one */

/* A page that waits for the language. */
typedef struct {
    core_t *core;
    conn_t *conn;
    uint64_t corr;
} info_t;

static void on_gone(void *owner, conn_t *conn)
{
    info_t *self = owner;
    (void)conn;
    requests_forget(self->core->requests, self->corr);
    free(self);
}

static void respond(conn_t *conn, str_t language)
{
    buf_t body = {0};
    buf_printf(&body,
               "var socketUrl = \"\"; var socketSession = \"\"; window._authIoBroker = %s; "
               "window.sysLang = ",
               conn_listener(conn)->auth ? "true" : "false");
    json_put_str(&body, language);
    buf_append_cstr(&body, "; window.socketForceWebSockets = false;\n");
    conn_respond(conn, 200, SCRIPT, STR_LIT("Cache-Control: no-cache\r\n"), buf_str(&body));
    buf_fini(&body);
}

static void on_config(void *arg, err_t status, uint64_t seq, mp_t body)
{
    info_t *self = arg;
    conn_t *conn = self->conn;
    mp_t object, common;
    str_t language = LANGUAGE, found;
    (void)seq;
    /* Without an answer the page works all the same, in English. */
    if (status == ERR_OK && mp_at(body, 1, &object) && mp_find(object, "common", &common) &&
        mp_find_str(common, "language", &found) && found.len > 0)
        language = found;
    conn_set_owner(conn, NULL, NULL);
    respond(conn, language);
    free(self);
}

void web_info_answer(core_t *core, conn_t *conn)
{
    static const conn_owner_t waiting = {.gone = on_gone};
    static const caller_t system = {{"", 0}, {"", 0}, {"gateway", 7}};
    info_t *self = calloc(1, sizeof *self);
    buf_t args = {0};
    assert(self);
    *self = (info_t){.core = core, .conn = conn};
    mp_put_array(&args, 1);
    mp_put_cstr(&args, "system.config");
    self->corr =
        requests_send(core->requests, "objects", STR_LIT("getObject"), &system, mp_of_buf(&args),
                      core->limits.request_ms, 0, core->mono_ms, on_config, self);
    buf_fini(&args);
    if (self->corr == 0) {
        free(self);
        respond(conn, LANGUAGE);
        return;
    }
    conn_set_owner(conn, &waiting, self);
}
