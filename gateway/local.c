/* SPDX-License-Identifier: MIT */
#include "gateway/local.h"

#include <string.h>

#include "bus/error_object.h"
#include "bus/json.h"
#include "bus/log.h"
#include "gateway/guard.h"

/* --- values as text ------------------------------------------------------------------------------
 */

static void list_to_text(mp_t value, uint32_t count, buf_t *out, unsigned depth);

static void to_text(mp_t value, buf_t *out, unsigned depth)
{
    bool flag;
    double number;
    uint32_t count;
    str_t text;
    switch (mp_type(value)) {
    case MP_STR:
        if (mp_read_str(&value, &text))
            buf_append_str(out, text);
        break;
    case MP_BOOL:
        if (mp_read_bool(&value, &flag))
            buf_append_cstr(out, flag ? "true" : "false");
        break;
    case MP_INT:
    case MP_DOUBLE:
        if (mp_read_double(&value, &number))
            json_put_double(out, number);
        break;
    case MP_ARRAY:
        if (mp_read_array(&value, &count))
            list_to_text(value, count, out, depth);
        break;
    case MP_MAP:
    case MP_BIN:
        buf_append_cstr(out, "[object Object]");
        break;
    default:
        buf_append_cstr(out, "null");
        break;
    }
}

/* Elements joined by commas; null is empty. Depth is bounded by what json.h accepts. */
static void list_to_text(mp_t value, uint32_t count, buf_t *out, unsigned depth)
{
    for (uint32_t i = 0; i < count; i++) {
        mp_t item;
        if (!mp_next(&value, &item))
            return;
        if (i > 0)
            buf_append_byte(out, ',');
        if (mp_type(item) != MP_NIL && depth < MP_MAX_DEPTH)
            to_text(item, out, depth + 1);
    }
}

void local_to_text(mp_t value, buf_t *out)
{
    to_text(value, out, 0);
}

/* --- answers -------------------------------------------------------------------------------------
 */

/* [null, text], [null, flag] and so on: what follows the error argument is written by the caller.
 */
static void begin(buf_t *args, uint32_t count)
{
    buf_init(args);
    mp_put_array(args, count);
}

static void finish(const invocation_t *invocation, buf_t *args)
{
    command_answer(invocation, mp_of_buf(args));
    buf_fini(args);
}

static void put_user(const invocation_t *invocation, buf_t *out)
{
    static const char prefix[] = "system.user.";
    const char *user = grants_name(session_user(invocation->session));
    bool has = strncmp(user, prefix, sizeof prefix - 1) == 0;
    mp_put_cstr(out, has ? user + sizeof prefix - 1 : user);
}

/* --- session -------------------------------------------------------------------------------------
 */

#define NAME_MAX_BYTES 256

/* At most so many bytes, and never half a character. */
static str_t shorten(str_t text, size_t max)
{
    if (text.len > max) {
        text.len = max;
        while (text.len > 0 && ((uint8_t)text.p[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    return text;
}

static void set_name(session_t *session, str_t name)
{
    static log_limit_t changed;
    const char *old = session_name(session);
    if (str_is(name, old))
        return;
    if (old[0] != '\0')
        log_limited(&changed, LEVEL_WARN, "GW-NAME-CHANGED", "client=%s old=\"%s\" new=\"%.*s\"",
                    session_client(session), old, STR_ARG(name));
    session_set_name(session, name);
}

void local_on_name(const invocation_t *invocation)
{
    mp_t value = command_arg(invocation, 0);
    buf_t name = {0}, args;
    if (mp_type(value) != MP_NONE && mp_type(value) != MP_NIL) {
        local_to_text(value, &name);
        set_name(invocation->session, shorten(buf_str(&name), NAME_MAX_BYTES));
    }
    buf_fini(&name);
    begin(&args, 0);
    finish(invocation, &args);
}

/* Without authentication the original's second argument is undefined. */
void local_on_authenticate(const invocation_t *invocation)
{
    buf_t args;
    begin(&args, 2);
    mp_put_bool(&args, true);
    if (session_listener(invocation->session)->auth)
        mp_put_bool(&args, true);
    else if (session_dialect(invocation->session)->secure_is_false)
        mp_put_bool(&args, false);
    else
        mp_put_nil(&args);
    finish(invocation, &args);
}

/* [text, false], or [null, true]. */
static void put_updated(buf_t *args, str_t error)
{
    begin(args, 2);
    if (error.len > 0)
        mp_put_str(args, error);
    else
        mp_put_nil(args);
    mp_put_bool(args, error.len == 0);
}

/* The session goes on with the new token: with its end, and with its rights, unless the old ones
 * were fewer. */
static void take_token(session_t *session, const identity_t *fresh)
{
    identity_t *identity = session_identity(session);
    identity->kind = fresh->kind;
    identity->expires_ms = fresh->expires_ms;
    memcpy(identity->hash, fresh->hash, sizeof identity->hash);
    guard_admitted(session);
    session_emit_token_info(session);
}

static void on_updated(void *arg, err_t status, uint64_t seq, mp_t body)
{
    call_t *call = arg;
    identity_t fresh;
    mp_t value;
    buf_t args;
    str_t error = str_of(err_text(ERR_UNAVAILABLE));
    (void)seq;
    if (status == ERR_OK && login_read_identity(session_core(call->session), body, &fresh)) {
        error = (str_t){"", 0};
        take_token(call->session, &fresh);
    } else if (mp_at(body, 0, &value)) {
        (void)mp_read_str(&value, &error);
    }
    put_updated(&args, error);
    call_answer(&call, mp_of_buf(&args));
    buf_fini(&args);
}

void local_on_updateTokenExpiration(const invocation_t *invocation)
{
    session_t *session = invocation->session;
    mp_t value = command_arg(invocation, 0);
    str_t token = {"", 0};
    buf_t args;
    (void)mp_read_str(&value, &token);
    if (token.len == 0 || !session_listener(session)->auth) {
        put_updated(&args, STR_LIT("No access token found"));
        finish(invocation, &args);
        return;
    }
    begin(&args, 2);
    mp_put_str(&args, token);
    mp_put_cstr(&args, grants_name(session_user(session)));
    (void)command_ask_system(invocation, "auth", "auth.token.update", mp_of_buf(&args), on_updated);
    credentials_wipe(&args);
}

void local_on_authEnabled(const invocation_t *invocation)
{
    buf_t args;
    begin(&args, 2);
    mp_put_bool(&args, session_listener(invocation->session)->auth);
    put_user(invocation, &args);
    finish(invocation, &args);
}

/* [nil, how many ended] */
static void on_logged_out(void *arg, err_t status, uint64_t seq, mp_t body)
{
    call_t *call = arg;
    mp_t value;
    uint64_t count = 0;
    buf_t args;
    (void)seq;
    if (status == ERR_OK && mp_at(body, 1, &value))
        (void)mp_read_uint(&value, &count);
    begin(&args, 1);
    if (status != ERR_OK)
        mp_put_cstr(&args, err_text(status));
    else if (count == 0)
        error_object_put(&args, STR_LIT("No session"));
    else
        mp_put_nil(&args);
    call_answer(&call, mp_of_buf(&args));
    buf_fini(&args);
}

/* Ends the log-in itself, wherever it is used; this client, too, is closed then. */
void local_on_logout(const invocation_t *invocation)
{
    const identity_t *identity = session_identity(invocation->session);
    buf_t args;
    if (identity->hash[0] == '\0') {
        command_answer_error_object(invocation, "No session");
        return;
    }
    begin(&args, 1);
    mp_put_cstr(&args, identity->hash);
    (void)command_ask_system(invocation, "auth", "auth.session.end", mp_of_buf(&args),
                             on_logged_out);
    buf_fini(&args);
}

/* --- information ---------------------------------------------------------------------------------
 */

void local_on_listPermissions(const invocation_t *invocation)
{
    buf_t args;
    begin(&args, 1);
    permission_list(&args);
    finish(invocation, &args);
}

/* [nil, permissions]: without what the client's address takes away. */
static void pass_permissions(void *arg, err_t status, uint64_t seq, mp_t body)
{
    const call_t *call = arg;
    forbidden_t forbidden = grants_forbidden(session_user(call->session));
    mp_t permissions;
    buf_t args = {0};
    if (status == ERR_OK && forbidden && mp_at(body, 1, &permissions)) {
        begin(&args, 2);
        mp_put_nil(&args);
        forbidden_apply(forbidden, permissions, &args);
        body = mp_of_buf(&args);
    }
    command_pass_answer(arg, status, seq, body);
    buf_fini(&args);
}

void local_on_getUserPermissions(const invocation_t *invocation)
{
    buf_t args;
    if (!invocation->has_ack)
        return;
    begin(&args, 2);
    mp_put_cstr(&args, grants_name(session_user(invocation->session)));
    mp_put_bool(&args, grants_is_read_only(session_user(invocation->session)));
    (void)command_ask_then(invocation, "auth", "auth.permissions", mp_of_buf(&args),
                           pass_permissions);
    buf_fini(&args);
}

void local_on_getVersion(const invocation_t *invocation)
{
    buf_t args;
    begin(&args, 3);
    mp_put_nil(&args);
    mp_put_cstr(&args, session_core(invocation->session)->version);
    mp_put_cstr(&args, session_listener(invocation->session)->adapter);
    finish(invocation, &args);
}

void local_on_getAdapterName(const invocation_t *invocation)
{
    buf_t args;
    begin(&args, 2);
    mp_put_nil(&args);
    mp_put_cstr(&args, session_listener(invocation->session)->adapter);
    finish(invocation, &args);
}

/* What the original's controller (7.1) supports. */
static const char *const features[] = {"INSTANCE_MESSAGES",
                                       "PARTIAL_OBJECT_TREE",
                                       "ALIAS",
                                       "ALIAS_SEPARATE_READ_WRITE_ID",
                                       "ADAPTER_GETPORT_BIND",
                                       "ADAPTER_DEL_OBJECT_RECURSIVE",
                                       "ADAPTER_SET_OBJECT_SETS_DEFAULT_VALUE",
                                       "ADAPTER_AUTO_DECRYPT_NATIVE",
                                       "PLUGINS",
                                       "CONTROLLER_NPM_AUTO_REBUILD",
                                       "CONTROLLER_READWRITE_BASE_SETTINGS",
                                       "CONTROLLER_MULTI_REPO",
                                       "CONTROLLER_LICENSE_MANAGER",
                                       "CONTROLLER_OS_PACKAGE_UPGRADE",
                                       "DEL_INSTANCE_CUSTOM",
                                       "CUSTOM_FULL_VIEW",
                                       "ADAPTER_GET_OBJECTS_BY_ARRAY",
                                       "CONTROLLER_UI_UPGRADE",
                                       "ADAPTER_WEBSERVER_UPGRADE"};

void local_on_checkFeatureSupported(const invocation_t *invocation)
{
    mp_t value = command_arg(invocation, 0);
    str_t feature = {"", 0};
    bool known = false;
    buf_t args;
    (void)mp_read_str(&value, &feature);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        known = known || str_is(feature, features[i]);
    begin(&args, 2);
    mp_put_nil(&args);
    mp_put_bool(&args, known);
    finish(invocation, &args);
}

void local_on_deprecated(const invocation_t *invocation)
{
    command_answer_error(invocation, "This function is deprecated");
}

/* --- log -----------------------------------------------------------------------------------------
 */

static void append_log(const invocation_t *invocation, str_t severity, str_t text)
{
    buf_t args;
    begin(&args, 4);
    mp_put_str(&args, severity);
    mp_put_str(&args, text);
    mp_put_cstr(&args, "");
    mp_put_cstr(&args, session_name(invocation->session));
    command_ask(invocation, "log", "log.append", mp_of_buf(&args));
    buf_fini(&args);
}

static bool is_severity(str_t text)
{
    return str_is(text, "error") || str_is(text, "warn") || str_is(text, "info") ||
           str_is(text, "debug");
}

/* log(text, level); the classic client has them the other way round: log('error', 'text'). */
void local_on_log(const invocation_t *invocation)
{
    buf_t first = {0}, second = {0};
    if (invocation->argc > 0)
        local_to_text(command_arg(invocation, 0), &first);
    if (invocation->argc > 1)
        local_to_text(command_arg(invocation, 1), &second);
    str_t text = buf_str(&first), severity = buf_str(&second);
    if (is_severity(text) && invocation->argc > 1 && !is_severity(severity)) {
        text = buf_str(&second);
        severity = buf_str(&first);
    }
    append_log(invocation, is_severity(severity) ? severity : STR_LIT("debug"), text);
    buf_fini(&first);
    buf_fini(&second);
}

void local_on_error(const invocation_t *invocation)
{
    buf_t text = {0};
    buf_append_cstr(&text, "Socket error: ");
    if (invocation->argc > 0)
        local_to_text(command_arg(invocation, 0), &text);
    append_log(invocation, STR_LIT("error"), buf_str(&text));
    buf_fini(&text);
}
