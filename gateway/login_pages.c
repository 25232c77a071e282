/* SPDX-License-Identifier: MIT */
#include "gateway/login_pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/json.h"
#include "gateway/gate.h"
#include "gateway/listener.h"
#include "gateway/login_href.h"

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define NO_STORE "Cache-Control: no-store\r\n"
#define STAY_S 34560000 /* 400 days, the longest that browsers keep a cookie; the end is ours */
#define CLIENT_MAX 200  /* bytes of what a browser says it is */
#define PLACE "{{href}}"

static const caller_t system_caller = {{"", 0}, {"", 0}, {"gateway", 7}};

/* One request, until it is answered. */
typedef struct task task_t;
struct task {
    http_t *http;
    conn_t *conn;
    uint64_t corr;
    void (*done)(task_t *self, err_t status, mp_t body);
    buf_t href;        /* where a log-in leads to, as it goes into the head */
    bool stay;         /* logged in */
    bool program;      /* wants JSON */
    credentials_t out; /* that are being logged out */
    size_t at;
};

/* --- tasks ---------------------------------------------------------------------------------------
 */

static void destroy(task_t *self)
{
    requests_forget(self->http->core->requests, self->corr);
    credentials_fini(&self->out);
    buf_fini(&self->href);
    free(self);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    destroy(owner);
}

static task_t *new_task(http_t *http, conn_t *conn)
{
    static const conn_owner_t waiting = {.gone = on_gone};
    task_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (task_t){.http = http, .conn = conn};
    conn_set_owner(conn, &waiting, self);
    return self;
}

/* Answers and ends. */
static void respond(task_t *self, int status, const char *type, buf_t *headers, buf_t *body)
{
    conn_set_owner(self->conn, NULL, NULL);
    conn_respond(self->conn, status, type, buf_str(headers), buf_str(body));
    credentials_wipe(headers);
    credentials_wipe(body);
    destroy(self);
}

static void on_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    task_t *self = arg;
    (void)seq;
    self->corr = 0;
    self->done(self, status, body);
}

/* args: freed. */
static void ask(task_t *self, const char *command, buf_t *args, void (*done)(task_t *, err_t, mp_t))
{
    core_t *core = self->http->core;
    self->done = done;
    if (!args->failed)
        self->corr =
            requests_send(core->requests, "auth", str_of(command), &system_caller, mp_of_buf(args),
                          core->limits.request_ms, 0, core->mono_ms, on_answer, self);
    credentials_wipe(args);
    if (self->corr == 0)
        done(self, ERR_BUSY, (mp_t){0});
}

/* --- forms ---------------------------------------------------------------------------------------
 */

/* What was posted: a form, or the same as JSON. */
typedef struct {
    bool json;
    buf_t map;
    str_t text; /* borrowed */
} form_t;

static void form_init(form_t *self, const http_head_t *head, str_t body)
{
    *self = (form_t){.text = body};
    self->json = str_starts(http_head_get(head, "content-type"), "application/json");
    if (self->json && json_to_mp(&self->map, body) != ERR_OK)
        credentials_wipe(&self->map);
}

static void form_get(const form_t *self, const char *name, buf_t *out)
{
    str_t text;
    bool flag;
    if (!self->json)
        (void)http_query_get(self->text, name, out); /* what is missing is empty */
    else if (mp_find_str(mp_of_buf(&self->map), name, &text))
        buf_append_str(out, text);
    else if (mp_find_bool(mp_of_buf(&self->map), name, &flag))
        buf_append_cstr(out, flag ? "true" : "false");
}

static bool form_is_set(const form_t *self, const char *name)
{
    buf_t text = {0};
    form_get(self, name, &text);
    str_t value = buf_str(&text);
    bool set = str_is(value, "on") || str_is(value, "true") || str_is(value, "1");
    buf_fini(&text);
    return set;
}

static void put_field(buf_t *out, const form_t *form, const char *name)
{
    buf_t text = {0};
    form_get(form, name, &text);
    mp_put_str(out, buf_str(&text));
    credentials_wipe(&text);
}

static void put_client(buf_t *out, const conn_t *conn)
{
    str_t agent = http_head_get(conn_head(conn), "user-agent");
    if (agent.len > CLIENT_MAX)
        agent.len = CLIENT_MAX;
    mp_put_cstr(out, "client");
    mp_put_str(out, json_utf8_valid(agent) ? agent : STR_LIT(""));
}

/* --- heads ---------------------------------------------------------------------------------------
 */

/* max_age: seconds; -1: until the browser ends. */
static void put_cookie(buf_t *out, const conn_t *conn, const char *name, str_t value,
                       const char *same_site, int64_t max_age)
{
    buf_printf(out, "Set-Cookie: %s=%.*s; Path=/; HttpOnly; SameSite=%s", name, STR_ARG(value),
               same_site);
    if (max_age >= 0)
        buf_printf(out, "; Max-Age=%lld", (long long)max_age);
    if (conn_is_secure(conn))
        buf_append_cstr(out, "; Secure");
    buf_append_cstr(out, "\r\n");
}

static void drop_token_cookie(buf_t *out, const conn_t *conn)
{
    put_cookie(out, conn, "access_token", STR_LIT(""), "Strict", 0);
}

static void redirect(conn_t *conn, const char *where)
{
    buf_t headers = {0};
    buf_printf(&headers, NO_STORE "Location: %s%s\r\n", conn_listener(conn)->base_path, where);
    conn_respond(conn, 302, NULL, buf_str(&headers), (str_t){"", 0});
    buf_fini(&headers);
}

static bool find_text(mp_t body, const char *key, str_t *out)
{
    mp_t map;
    return mp_at(body, 1, &map) && mp_find_str(map, key, out);
}

/* Why the auth actor refused: "credentials", "locked" ... */
static str_t reason_of(err_t status, mp_t body)
{
    str_t reason;
    return status == ERR_CUSTOM && find_text(body, "reason", &reason) ? reason : STR_LIT("busy");
}

/* --- the page ------------------------------------------------------------------------------------
 */

static void escape(str_t text, buf_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '&' || text.p[i] == '"' || text.p[i] == '<' || text.p[i] == '\'')
            buf_printf(out, "&#%d;", text.p[i]);
        else
            buf_append_byte(out, (uint8_t)text.p[i]);
    }
}

void login_pages_show(http_t *http, conn_t *conn, str_t href)
{
    bool missing;
    buf_t body = {0};
    const asset_t *asset =
        assets_find(http->assets, STR_LIT("/login.html"), ENCODING_NONE, &missing);
    if (!asset) {
        conn_respond(conn, 404, TEXT, STR_LIT(NO_STORE), STR_LIT("login.html is not installed\n"));
        return;
    }
    str_t page = asset->body;
    const char *place = memmem(page.p, page.len, PLACE, sizeof PLACE - 1);
    size_t before = place ? (size_t)(place - page.p) : page.len;
    buf_append(&body, page.p, before);
    escape(href, &body);
    if (place)
        buf_append(&body, place + sizeof PLACE - 1, page.len - before - (sizeof PLACE - 1));
    conn_respond(conn, 200, HTML, STR_LIT(NO_STORE HTTP_PAGE_HEADERS), buf_str(&body));
    buf_fini(&body);
}

static void show(http_t *http, conn_t *conn, str_t body)
{
    buf_t asked = {0}, href = {0};
    (void)body;
    if (http_query_get(conn_head(conn)->query, "href", &asked))
        (void)login_href_put(buf_str(&asked), &href); /* else it leads to the start page */
    login_pages_show(http, conn, buf_str(&href));
    buf_fini(&asked);
    buf_fini(&href);
}

/* --- logging in ----------------------------------------------------------------------------------
 */

static void put_target(task_t *self, const form_t *form)
{
    buf_t text = {0};
    str_t query = conn_head(self->conn)->query;
    form_get(form, "href", &text);
    bool found = login_href_put(buf_str(&text), &self->href);
    buf_reset(&text);
    if (!found) {
        form_get(form, "origin", &text);
        found = login_href_put_inner(buf_str(&text), &self->href);
    }
    buf_reset(&text);
    if (!found && http_query_get(query, "href", &text))
        (void)login_href_put(buf_str(&text), &self->href);
    buf_fini(&text);
}

static void respond_refused(task_t *self, str_t reason)
{
    buf_t headers = {0}, body = {0};
    bool busy = str_is(reason, "busy");
    buf_append_cstr(&headers, NO_STORE);
    if (self->program) {
        buf_append_cstr(&body, "{\"error\":\"cannot login user\"}");
        respond(self, busy ? 503 : 401, JSON, &headers, &body);
        return;
    }
    buf_printf(&headers, "Location: %s/login?href=", conn_listener(self->conn)->base_path);
    login_href_encode(buf_str(&self->href), &headers);
    /* Without scripts the page shows what the fragment names. */
    buf_printf(&headers, "&error#%s",
               busy                         ? "busy"
               : str_is(reason, "locked")   ? "locked"
               : str_is(reason, "disabled") ? "disabled"
                                            : "wrong");
    buf_append_cstr(&headers, "\r\n");
    respond(self, 302, NULL, &headers, &body);
}

static void on_logged_in(task_t *self, err_t status, mp_t answer)
{
    buf_t headers = {0}, body = {0};
    str_t cookie, name;
    conn_t *conn = self->conn;
    if (status != ERR_OK || !find_text(answer, "cookie", &cookie) ||
        !find_text(answer, "name", &name)) {
        respond_refused(self, reason_of(status, answer));
        return;
    }
    buf_append_cstr(&headers, NO_STORE);
    put_cookie(&headers, conn, "connect.sid", cookie, "Lax", self->stay ? STAY_S : -1);
    drop_token_cookie(&headers, conn);
    if (self->program) {
        buf_append_cstr(&body, "{\"result\":\"ok\",\"user\":");
        json_put_str(&body, name);
        buf_append_byte(&body, '}');
        respond(self, 200, JSON, &headers, &body);
        return;
    }
    buf_append_cstr(&headers, "Location: ");
    if (self->href.len > 0)
        buf_append_str(&headers, buf_str(&self->href));
    else
        buf_printf(&headers, "%s/", conn_listener(conn)->base_path);
    buf_append_cstr(&headers, "\r\n");
    respond(self, 302, NULL, &headers, &body);
}

/* Origins are not looked at when a browser just goes to a page; nor do they say enough where all of
 * them are allowed. */
static bool refuse_elsewhere(conn_t *conn)
{
    if (!str_is(http_head_get(conn_head(conn), "sec-fetch-site"), "cross-site"))
        return false;
    conn_respond(conn, 403, TEXT, STR_LIT(NO_STORE),
                 STR_LIT("Nobody is logged in or out by a page from elsewhere\n"));
    return true;
}

/* [user, password, address, {session, stay, client}] */
static void log_in(http_t *http, conn_t *conn, str_t body, bool program)
{
    form_t form;
    buf_t args = {0};
    if (refuse_elsewhere(conn))
        return;
    task_t *self = new_task(http, conn);
    form_init(&form, conn_head(conn), body);
    self->program = program;
    self->stay = form_is_set(&form, "stayloggedin");
    put_target(self, &form);
    mp_put_array(&args, 4);
    put_field(&args, &form, "username");
    put_field(&args, &form, "password");
    mp_put_cstr(&args, conn_address(conn));
    mp_put_map(&args, 3);
    mp_put_cstr(&args, "session");
    mp_put_bool(&args, true);
    mp_put_cstr(&args, "stay");
    mp_put_bool(&args, self->stay);
    put_client(&args, conn);
    credentials_wipe(&form.map);
    ask(self, "auth.login", &args, on_logged_in);
}

static void log_in_page(http_t *http, conn_t *conn, str_t body)
{
    log_in(http, conn, body, false);
}

static void log_in_program(http_t *http, conn_t *conn, str_t body)
{
    log_in(http, conn, body, true);
}

/* --- logging out ---------------------------------------------------------------------------------
 */

static void log_out_next(task_t *self);

static void on_ended(task_t *self, err_t status, mp_t answer)
{
    (void)status;
    (void)answer; /* whatever it said, the browser forgets it */
    self->at++;
    log_out_next(self);
}

static void on_checked(task_t *self, err_t status, mp_t answer)
{
    str_t hash;
    buf_t args = {0};
    if (status != ERR_OK || !find_text(answer, "hash", &hash)) {
        on_ended(self, status, answer);
        return;
    }
    mp_put_array(&args, 1);
    mp_put_str(&args, hash);
    ask(self, "auth.session.end", &args, on_ended);
}

/* All that the request shows is ended, one after the other. */
static void log_out_next(task_t *self)
{
    buf_t headers = {0}, args = {0};
    while (self->at < self->out.count && self->out.items[self->at].kind == CREDENTIAL_PASSWORD)
        self->at++;
    if (self->at < self->out.count) {
        const credential_t *item = &self->out.items[self->at];
        mp_put_array(&args, 2);
        mp_put_str(&args, buf_str(&item->text));
        mp_put_cstr(&args, conn_address(self->conn));
        ask(self, item->kind == CREDENTIAL_TOKEN ? "auth.token.check" : "auth.session.check", &args,
            on_checked);
        return;
    }
    buf_printf(&headers, NO_STORE "Location: %s/login\r\n", conn_listener(self->conn)->base_path);
    put_cookie(&headers, self->conn, "connect.sid", STR_LIT(""), "Lax", 0);
    drop_token_cookie(&headers, self->conn);
    respond(self, 302, NULL, &headers, &args);
}

static void log_out(http_t *http, conn_t *conn, str_t body)
{
    (void)body;
    if (refuse_elsewhere(conn))
        return;
    task_t *self = new_task(http, conn);
    credentials_read(conn_head(conn), &self->out);
    log_out_next(self);
}

/* --- OAuth2 --------------------------------------------------------------------------------------
 */

#define BAD_CLIENT "Invalid client: cannot retrieve client credentials"
#define BAD_USER "Invalid grant: user credentials are invalid"
#define BAD_REFRESH "Invalid grant: refresh token is invalid"

/* The fields of RFC 6749, and those of the original: clients look at either. error: of the RFC. */
static void respond_token_error(task_t *self, const char *message, const char *name,
                                const char *error, str_t description)
{
    buf_t headers = {0}, body = {0};
    buf_append_cstr(&headers, NO_STORE "Pragma: no-cache\r\n");
    buf_printf(&body,
               "{\"statusCode\":400,\"status\":400,\"code\":400,\"message\":\"%s\",\"name\":\"%s\","
               "\"error\":\"%s\",\"error_description\":",
               message, name, error);
    json_put_str(&body, description);
    buf_append_byte(&body, '}');
    respond(self, 400, JSON, &headers, &body);
}

static void respond_token_busy(task_t *self)
{
    buf_t headers = {0}, body = {0};
    buf_append_cstr(&headers, NO_STORE "Retry-After: 1\r\n");
    buf_append_cstr(&body, "{\"error\":\"temporarily_unavailable\"}");
    respond(self, 503, JSON, &headers, &body);
}

static void put_token_fields(mp_t map, buf_t *out)
{
    static const char *const fields[] = {"access_token", "token_type", "expires_in",
                                         "refresh_token", "refresh_token_expires_in"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        mp_t value;
        if (!mp_find(map, fields[i], &value))
            continue;
        buf_printf(out, "%s\"%s\":", i == 0 ? "{" : ",", fields[i]);
        json_from_mp(out, value, NULL);
    }
    buf_append_byte(out, '}');
}

static void respond_tokens(task_t *self, mp_t answer)
{
    buf_t headers = {0}, body = {0};
    mp_t map, value;
    str_t token = {"", 0};
    int64_t seconds = 0;
    bool ok = mp_at(answer, 1, &map) && mp_find_str(map, "access_token", &token) &&
              mp_find(map, "expires_in", &value) && mp_read_int(&value, &seconds);
    if (!ok) {
        respond_token_busy(self);
        return;
    }
    put_token_fields(map, &body);
    buf_append_cstr(&headers, NO_STORE "Pragma: no-cache\r\n");
    put_cookie(&headers, self->conn, "access_token", token, "Strict", self->stay ? seconds : -1);
    respond(self, 200, JSON, &headers, &body);
}

static void take_tokens(task_t *self, err_t status, mp_t answer, const char *message)
{
    mp_t value;
    str_t text = str_of(message);
    if (status == ERR_OK) {
        respond_tokens(self, answer);
    } else if (status == ERR_CUSTOM || status == ERR_BAD_ARGS) {
        if (mp_at(answer, 0, &value))
            (void)mp_read_str(&value, &text); /* else what the original says */
        respond_token_error(self, message, "invalid_grant", "invalid_grant", text);
    } else {
        respond_token_busy(self);
    }
}

static void on_granted(task_t *self, err_t status, mp_t answer)
{
    take_tokens(self, status, answer, BAD_USER);
}

static void on_refreshed(task_t *self, err_t status, mp_t answer)
{
    take_tokens(self, status, answer, BAD_REFRESH);
}

static void grant_password(task_t *self, const form_t *form)
{
    buf_t args = {0};
    mp_put_array(&args, 4);
    put_field(&args, form, "username");
    put_field(&args, form, "password");
    mp_put_cstr(&args, conn_address(self->conn));
    mp_put_map(&args, 2);
    mp_put_cstr(&args, "stay");
    mp_put_bool(&args, self->stay);
    put_client(&args, self->conn);
    ask(self, "auth.token.password", &args, on_granted);
}

static void grant_refresh(task_t *self, const form_t *form)
{
    buf_t args = {0};
    mp_put_array(&args, 2);
    put_field(&args, form, "refresh_token");
    mp_put_cstr(&args, conn_address(self->conn));
    ask(self, "auth.token.refresh", &args, on_refreshed);
}

/* Any client_id will do, but there must be one. */
static void grant_token(http_t *http, conn_t *conn, str_t body)
{
    static const struct {
        const char *name;
        void (*grant)(task_t *self, const form_t *form);
    } grants[] = {{"password", grant_password}, {"refresh_token", grant_refresh}};
    form_t form;
    buf_t type = {0}, client = {0};
    void (*grant)(task_t *, const form_t *) = NULL;
    task_t *self = new_task(http, conn);
    form_init(&form, conn_head(conn), body);
    form_get(&form, "grant_type", &type);
    form_get(&form, "client_id", &client);
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
        if (str_is(buf_str(&type), grants[i].name))
            grant = grants[i].grant;
    }
    self->stay = form_is_set(&form, "stayloggedin");
    if (client.len == 0)
        respond_token_error(self, BAD_CLIENT, "invalid_client", "invalid_client",
                            STR_LIT("client_id is missing"));
    else if (!grant)
        respond_token_error(self, BAD_CLIENT, "invalid_client", "unsupported_grant_type",
                            STR_LIT("password and refresh_token are known here"));
    else
        grant(self, &form);
    credentials_wipe(&form.map);
    buf_fini(&type);
    buf_fini(&client);
}

/* --- who is it
 * ------------------------------------------------------------------------------------
 */

static void put_time(mp_t map, const char *key, const char *before, buf_t *out)
{
    mp_t value;
    int64_t ms;
    struct tm parts;
    char text[32];
    if (!mp_find(map, key, &value) || !mp_read_int(&value, &ms))
        return;
    time_t seconds = (time_t)(ms / 1000);
    if (!gmtime_r(&seconds, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return;
    buf_printf(out, "%s\"%s\":\"%s.%03dZ\"", before, key, text, (int)(ms % 1000));
}

static void on_info(task_t *self, err_t status, mp_t answer)
{
    buf_t headers = {0}, body = {0};
    mp_t map;
    str_t name;
    buf_append_cstr(&headers, NO_STORE);
    if (status != ERR_OK || !mp_at(answer, 1, &map) || !mp_find_str(map, "name", &name)) {
        buf_append_cstr(&body, self->program ? "cannot prolong" : "User not logged in.");
        respond(self, 501, TEXT, &headers, &body);
        return;
    }
    buf_append_byte(&body, '{');
    put_time(map, "expires", "", &body);
    if (!self->program)
        put_time(map, "refreshExpires", body.len > 1 ? "," : "", &body);
    buf_append_cstr(&body, body.len > 1 ? ",\"user\":" : "\"user\":");
    json_put_str(&body, name);
    buf_append_byte(&body, '}');
    respond(self, 200, JSON, &headers, &body);
}

/* The log-in that the gate has made has prolonged the session already. */
static void ask_info(http_t *http, conn_t *conn, const identity_t *identity, bool prolong)
{
    buf_t args = {0};
    task_t *self = new_task(http, conn);
    self->program = prolong;
    if (!identity || identity->hash[0] == '\0') {
        on_info(self, ERR_CUSTOM, (mp_t){0});
        return;
    }
    mp_put_array(&args, 1);
    mp_put_cstr(&args, identity->hash);
    ask(self, "auth.token.info", &args, on_info);
}

static bool is_prolonging(str_t path)
{
    return str_is(path, "/prolongSession");
}

static void pass_info(void *arg, conn_t *conn, str_t path, const identity_t *identity)
{
    ask_info(arg, conn, identity, is_prolonging(path));
}

static void refuse_info(void *arg, conn_t *conn, str_t path, const login_t *login)
{
    if (login_result(login) == LOGIN_BUSY)
        gate_refuse_program(conn, login);
    else
        ask_info(arg, conn, NULL, is_prolonging(path));
}

/* --- which one
 * ------------------------------------------------------------------------------------
 */

enum { ROW_READ = 1, ROW_POST = 2, ROW_LEADS_ON = 4 };

typedef void serve_fn(http_t *http, conn_t *conn, str_t body);

static void show_elsewhere(http_t *http, conn_t *conn, str_t body)
{
    buf_t where = {0};
    str_t query = conn_head(conn)->query;
    (void)http;
    (void)body;
    buf_printf(&where, "/login%s%.*s", query.len > 0 ? "?" : "", STR_ARG(query));
    buf_append_byte(&where, 0);
    redirect(conn, (const char *)where.data);
    buf_fini(&where);
}

/* '*': every path that ends so: pages ask relative to themselves. LEADS_ON: without auth it leads
 * to the start page. */
static const struct {
    const char *path;
    unsigned flags;
    serve_fn *serve;
} rows[] = {{"/login", ROW_READ | ROW_LEADS_ON, show},
            {"/login", ROW_POST | ROW_LEADS_ON, log_in_page},
            {"/login/", ROW_READ | ROW_LEADS_ON, show_elsewhere},
            {"/login/index.html", ROW_READ | ROW_LEADS_ON, show_elsewhere},
            {"/login.html", ROW_READ | ROW_LEADS_ON, show_elsewhere},
            {"/logout", ROW_READ | ROW_POST | ROW_LEADS_ON, log_out},
            {"/loginApp", ROW_POST, log_in_program},
            {"*/oauth/token", ROW_POST, grant_token},
            {"/getUser", ROW_READ, NULL},
            {"/prolongSession", ROW_READ, NULL}};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static bool fits(const char *pattern, str_t path)
{
    size_t n = strlen(pattern) - 1;
    if (pattern[0] != '*')
        return str_is(path, pattern);
    return path.len >= n && memcmp(path.p + path.len - n, pattern + 1, n) == 0;
}

bool login_pages_has(const conn_t *conn, str_t path)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (fits(rows[i].path, path))
            return conn_listener(conn)->auth || (rows[i].flags & ROW_LEADS_ON);
    }
    return false;
}

static unsigned wanted(const http_head_t *head)
{
    if (head->method == HTTP_GET || head->method == HTTP_HEAD)
        return ROW_READ;
    return head->method == HTTP_POST ? ROW_POST : 0;
}

void login_pages_serve(http_t *http, conn_t *conn, str_t path, str_t body)
{
    unsigned method = wanted(conn_head(conn)), allowed = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!fits(rows[i].path, path))
            continue;
        allowed |= rows[i].flags;
        if (!(rows[i].flags & method))
            continue;
        if (!conn_listener(conn)->auth)
            redirect(conn, "/");
        else if (rows[i].serve)
            rows[i].serve(http, conn, body);
        else
            gate_enter(http->core, conn, path, pass_info, refuse_info, http);
        return;
    }
    conn_respond(conn, 405, TEXT,
                 allowed & ROW_READ ? STR_LIT(NO_STORE "Allow: GET, HEAD\r\n")
                                    : STR_LIT(NO_STORE "Allow: POST\r\n"),
                 STR_LIT("This is asked for in another way.\n"));
}
