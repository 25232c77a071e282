/* SPDX-License-Identifier: MIT */
/* PUT and DELETE of files. A body goes to the files actor in pieces, one question at a time; the
 * client is not read from while two pieces wait. The file changes only when all of it has come. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gate.h"
#include "gateway/login.h"
#include "gateway/webfile_ctx.h"

#define WAITING_MAX (2 * WEBFILE_PIECE)

static const str_t no_store = {"Cache-Control: no-store\r\n", 25};

typedef struct {
    core_t *core;
    conn_t *conn;
    credentials_t *credentials;
    login_t *login;      /* under way */
    grants_user_t *user; /* NULL: not known yet */
    buf_t first;         /* arguments of the first question */
    uint64_t token;
    bool begun;
    bool complete; /* all of the body is here */
    bool paused;
    uint64_t sent; /* bytes that were given to the actor */
    buf_t waiting; /* bytes that were not */
    uint64_t corr;
} put_t;

static void destroy(put_t *self)
{
    if (self->corr)
        requests_forget(self->core->requests, self->corr);
    login_cancel(&self->login);
    credentials_destroy(&self->credentials);
    buf_fini(&self->first);
    buf_fini(&self->waiting);
    free(self);
}

static uint64_t ask(put_t *self, const char *command, buf_t *args, requests_done_fn *done)
{
    return webfile_ask(self->core, self->conn, grants_name(self->user), command, args, done,
                       done ? self : NULL);
}

static void put_token(put_t *self, buf_t *args, uint32_t count)
{
    mp_put_array(args, count);
    mp_put_uint(args, self->token);
}

/* The actor may forget what has come. Nobody waits for its answer. */
static void abandon(put_t *self)
{
    buf_t args = {0};
    if (self->begun) {
        put_token(self, &args, 1);
        (void)ask(self, "files.abort", &args, NULL);
    }
    destroy(self);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    abandon(owner);
}

static void fail(put_t *self, err_t status, mp_t body)
{
    conn_t *conn = self->conn;
    conn_set_owner(conn, NULL, NULL);
    if (self->paused)
        conn_pause(conn, false);
    webfile_refuse(conn, status, body);
    abandon(self);
}

/* --- the steps -----------------------------------------------------------------------------------
 */

static requests_done_fn on_appended, on_finished;

static void send_piece(put_t *self)
{
    buf_t args = {0};
    size_t n = self->waiting.len < WEBFILE_PIECE ? self->waiting.len : WEBFILE_PIECE;
    put_token(self, &args, 3);
    mp_put_uint(&args, self->sent);
    mp_put_bin(&args, self->waiting.data, n);
    self->sent += n;
    buf_consume(&self->waiting, n);
    self->corr = ask(self, "files.append", &args, on_appended);
}

/* Does what can be done now. */
static void go_on(put_t *self)
{
    buf_t args = {0};
    if (!self->begun || self->corr)
        return;
    if (self->waiting.len >= WEBFILE_PIECE || (self->complete && self->waiting.len > 0)) {
        send_piece(self);
    } else if (self->complete) {
        put_token(self, &args, 1);
        self->corr = ask(self, "files.finish", &args, on_finished);
    } else {
        return;
    }
    if (self->corr == 0)
        fail(self, ERR_BUSY, (mp_t){0});
}

static void on_begun(void *arg, err_t status, uint64_t seq, mp_t body)
{
    put_t *self = arg;
    mp_t rest = body;
    uint32_t count;
    (void)seq;
    self->corr = 0;
    if (status != ERR_OK || !mp_read_array(&rest, &count) || !mp_read_nil(&rest) ||
        !mp_read_uint(&rest, &self->token)) {
        fail(self, status, body);
        return;
    }
    self->begun = true;
    go_on(self);
}

static void on_appended(void *arg, err_t status, uint64_t seq, mp_t body)
{
    put_t *self = arg;
    (void)seq;
    self->corr = 0;
    if (status != ERR_OK) {
        fail(self, status, body);
        return;
    }
    if (self->paused && self->waiting.len < WAITING_MAX) {
        self->paused = false;
        conn_pause(self->conn, false);
    }
    go_on(self);
}

static void on_finished(void *arg, err_t status, uint64_t seq, mp_t body)
{
    put_t *self = arg;
    conn_t *conn = self->conn;
    mp_t map, value, rest = body;
    uint32_t count;
    bool created = false;
    (void)seq;
    self->corr = 0;
    self->begun = false; /* whatever it said, the upload is over */
    if (status != ERR_OK) {
        fail(self, status, body);
        return;
    }
    if (mp_read_array(&rest, &count) && mp_skip(&rest) && mp_next(&rest, &map) &&
        mp_find(map, "created", &value))
        (void)mp_read_bool(&value, &created); /* else it counts as replaced */
    conn_set_owner(conn, NULL, NULL);
    conn_respond(conn, created ? 201 : 204, NULL, no_store, (str_t){"", 0});
    destroy(self);
}

static void on_body(void *owner, conn_t *conn, str_t piece, bool last)
{
    put_t *self = owner;
    buf_append_str(&self->waiting, piece);
    self->complete = last;
    if (self->waiting.failed) {
        conn_kill(conn);
        return;
    }
    if (!last && !self->paused && self->waiting.len >= WAITING_MAX) {
        self->paused = true;
        conn_pause(conn, true);
    }
    go_on(self);
}

static const conn_owner_t owner_ops = {.gone = on_gone, .body = on_body};

/* What programs say who do not know the type: fetch() of every text, curl of all. The name decides,
 * and tells a plain text as well. */
static bool says_nothing(str_t type)
{
    static const char *const types[] = {"text/plain", "application/octet-stream",
                                        "application/x-www-form-urlencoded"};
    const char *semicolon = type.len ? memchr(type.p, ';', type.len) : NULL;
    if (semicolon)
        type.len = (size_t)(semicolon - type.p);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (str_is(type, types[i]))
            return true;
    }
    return type.len == 0;
}

/* --- who asks ------------------------------------------------------------------------------------
 */

/* The body is not read before it is known. */
static void let_send(put_t *self)
{
    if (!self->paused)
        return;
    self->paused = false;
    conn_pause(self->conn, false);
}

static void refuse_login(put_t *self, const login_t *login)
{
    conn_t *conn = self->conn;
    conn_set_owner(conn, NULL, NULL);
    let_send(self);
    gate_refuse_program(conn, login);
    destroy(self);
}

static void on_login(void *arg, const login_t *login)
{
    put_t *self = arg;
    self->login = NULL;
    if (login_result(login) != LOGIN_OK) {
        refuse_login(self, login);
        return;
    }
    self->user = login_identity(login)->user;
    if (grants_is_read_only(self->user) || grants_forbids(self->user, PERM_WRITE_FILE)) {
        fail(self, ERR_PERMISSION, (mp_t){0});
        return;
    }
    let_send(self);
    self->corr = ask(self, "files.begin", &self->first, on_begun);
    if (self->corr == 0)
        fail(self, ERR_BUSY, (mp_t){0});
}

static void start_login(put_t *self, const http_head_t *head)
{
    const listener_t *listener = conn_listener(self->conn);
    if (listener->auth) {
        self->credentials = credentials_new(head);
        self->paused = true;
        conn_pause(self->conn, true);
    }
    login_t *login = login_start(self->core, listener, self->credentials, conn_address(self->conn),
                                 on_login, self);
    if (login)
        self->login = login; /* else self may be gone */
}

bool webfile_put(core_t *core, conn_t *conn, const http_head_t *head, str_t path)
{
    buf_t id = {0}, name = {0};
    bool ends_open = path.len > 0 && path.p[path.len - 1] == '/';
    bool is_file = !ends_open && http_file_of(path, &id, &name);
    if (is_file) {
        put_t *self = calloc(1, sizeof *self);
        assert(self);
        *self = (put_t){.core = core, .conn = conn};
        str_t type = http_head_get(head, "content-type");
        buf_t *args = &self->first;
        mp_put_array(args, 3);
        mp_put_str(args, buf_str(&id));
        mp_put_str(args, buf_str(&name));
        if (says_nothing(type))
            mp_put_nil(args);
        else
            mp_put_str(args, type);
        conn_take_body(conn, core->limits.max_file, &owner_ops, self);
        start_login(self, head);
    }
    buf_fini(&id);
    buf_fini(&name);
    return is_file;
}

/* --- DELETE --------------------------------------------------------------------------------------
 */

static void on_deleted(void *arg, err_t status, uint64_t seq, mp_t body)
{
    put_t *self = arg;
    conn_t *conn = self->conn;
    mp_t rest = body;
    uint32_t count;
    (void)seq;
    self->corr = 0;
    if (status == ERR_OK && mp_read_array(&rest, &count) && mp_read_nil(&rest)) {
        conn_set_owner(conn, NULL, NULL);
        conn_respond(conn, 204, NULL, no_store, (str_t){"", 0});
        destroy(self);
    } else {
        fail(self, status == ERR_OK ? ERR_CUSTOM : status, body);
    }
}

bool webfile_delete(core_t *core, conn_t *conn, grants_user_t *user, str_t path)
{
    buf_t id = {0}, name = {0}, args = {0};
    bool ends_open = path.len > 0 && path.p[path.len - 1] == '/';
    bool is_file = !ends_open && http_file_of(path, &id, &name);
    if (is_file) {
        put_t *self = calloc(1, sizeof *self);
        assert(self);
        *self = (put_t){.core = core, .conn = conn, .user = user};
        mp_put_array(&args, 2);
        mp_put_str(&args, buf_str(&id));
        mp_put_str(&args, buf_str(&name));
        conn_set_owner(conn, &owner_ops, self);
        bool may = !grants_is_read_only(user) && !grants_forbids(user, PERM_DELETE_FILE);
        self->corr = may ? ask(self, "deleteFile", &args, on_deleted) : 0;
        buf_fini(&args);
        if (!may)
            fail(self, ERR_PERMISSION, (mp_t){0});
        else if (self->corr == 0)
            fail(self, ERR_BUSY, (mp_t){0});
    }
    buf_fini(&id);
    buf_fini(&name);
    return is_file;
}
