/* SPDX-License-Identifier: MIT */
#include "gateway/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of one key; writes one line into why. */
typedef err_t set_fn(listener_t *self, str_t value, buf_t *why);

static err_t fail(buf_t *why, const char *text, const char *what)
{
    buf_printf(why, "listen: %s \"%s\"", what, text);
    return ERR_CONFIG;
}

static void set_text(char **field, const char *prefix, str_t value)
{
    buf_t text = {0};
    if (!str_starts(value, prefix))
        buf_append_cstr(&text, prefix);
    buf_append_str(&text, value);
    free(*field);
    *field = str_dup(buf_str(&text));
    assert(*field);
    buf_fini(&text);
}

static err_t set_bool(bool *field, const char *key, str_t value, buf_t *why)
{
    if (config_parse_bool(value, field))
        return ERR_OK;
    buf_printf(why, "listen: %s must be on or off, not \"%.*s\"", key, STR_ARG(value));
    return ERR_CONFIG;
}

static bool parse_port(str_t text, int *port)
{
    int n = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        n = n * 10 + (text.p[i] - '0');
    }
    *port = n;
    return n <= 65535;
}

static err_t set_auth(listener_t *self, str_t value, buf_t *why)
{
    return set_bool(&self->auth, "auth", value, why);
}

static err_t set_admin(listener_t *self, str_t value, buf_t *why)
{
    return set_bool(&self->admin, "admin", value, why);
}

static err_t set_client(listener_t *self, str_t value, buf_t *why)
{
    self->plain_client = str_is(value, "ws");
    if (self->plain_client || str_is(value, "socket.io"))
        return ERR_OK;
    buf_printf(why, "listen: client must be socket.io or ws, not \"%.*s\"", STR_ARG(value));
    return ERR_CONFIG;
}

static bool is_word(str_t text, const char *also)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && !strchr(also, c))
            return false;
    }
    return text.len > 0;
}

/* "name.number" */
static err_t set_instance(listener_t *self, str_t value, buf_t *why)
{
    const char *dot = value.len ? memrchr(value.p, '.', value.len) : NULL;
    str_t name = {value.p, dot ? (size_t)(dot - value.p) : 0};
    size_t digits = dot ? value.len - name.len - 1 : 0;
    if (!is_word(name, "-_") || digits == 0 || digits > 6 ||
        strspn(dot + 1, "0123456789") < digits) {
        buf_printf(why, "listen: instance must look like socketio.0, not \"%.*s\"", STR_ARG(value));
        return ERR_CONFIG;
    }
    set_text(&self->instance, "", value);
    set_text(&self->adapter, "", name);
    set_text(&self->from, "system.adapter.", value);
    return ERR_OK;
}

static err_t set_default_user(listener_t *self, str_t value, buf_t *why)
{
    if (value.len == 0)
        return fail(why, "", "default-user must not be empty");
    set_text(&self->default_user, "system.user.", value);
    return ERR_OK;
}

static err_t set_base_path(listener_t *self, str_t value, buf_t *why)
{
    while (value.len > 0 && value.p[value.len - 1] == '/')
        value.len--;
    if (value.len > 0 && (value.p[0] != '/' || !is_word(value, "/-_.~"))) {
        buf_printf(
            why, "listen: base-path must begin with / and hold no special characters, not \"%.*s\"",
            STR_ARG(value));
        return ERR_CONFIG;
    }
    set_text(&self->base_path, "", value);
    return ERR_OK;
}

static err_t set_tls(listener_t *self, str_t value, buf_t *why)
{
    return set_bool(&self->tls, "tls", value, why);
}

static err_t set_proxy_protocol(listener_t *self, str_t value, buf_t *why)
{
    return set_bool(&self->proxy_protocol, "proxy-protocol", value, why);
}

static err_t set_redirect(listener_t *self, str_t value, buf_t *why)
{
    bool on;
    if (parse_port(value, &self->redirect) && self->redirect > 1)
        return ERR_OK;
    if (config_parse_bool(value, &on)) {
        self->redirect = on ? -1 : 0;
        return ERR_OK;
    }
    buf_printf(why, "listen: https-redirect must be on, off or a port, not \"%.*s\"",
               STR_ARG(value));
    return ERR_CONFIG;
}

static const struct {
    const char *name;
    set_fn *set;
} keys[] = {{"auth", set_auth},
            {"admin", set_admin},
            {"instance", set_instance},
            {"default-user", set_default_user},
            {"base-path", set_base_path},
            {"client", set_client},
            {"tls", set_tls},
            {"proxy-protocol", set_proxy_protocol},
            {"https-redirect", set_redirect}};

static err_t set_key(listener_t *self, str_t word, buf_t *why)
{
    const char *equals = word.len ? memchr(word.p, '=', word.len) : NULL;
    str_t name = {word.p, equals ? (size_t)(equals - word.p) : word.len};
    str_t value = equals ? (str_t){equals + 1, word.len - name.len - 1} : STR_LIT("on");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (str_is(name, keys[i].name))
            return keys[i].set(self, value, why);
    }
    buf_printf(why, "listen: unknown key \"%.*s\"", STR_ARG(name));
    return ERR_CONFIG;
}

/* --- address --------------------------------------------------------------------------------- */

static bool valid_host(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    return host[0] == '\0' || inet_pton(AF_INET, host, &v4) == 1 ||
           inet_pton(AF_INET6, host, &v6) == 1;
}

static err_t set_address(listener_t *self, str_t text, buf_t *why)
{
    const char *colon = text.len ? memrchr(text.p, ':', text.len) : NULL;
    str_t host = {text.p, colon ? (size_t)(colon - text.p) : 0};
    str_t port = {colon ? colon + 1 : text.p, colon ? text.len - host.len - 1 : text.len};
    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = (str_t){host.p + 1, host.len - 2};
    if (str_is(host, "*"))
        host.len = 0;
    set_text(&self->host, "", str_is(host, "localhost") ? STR_LIT("127.0.0.1") : host);
    if (!colon || !valid_host(self->host) || !parse_port(port, &self->port)) {
        buf_printf(why, "listen: \"%.*s\" is not HOST:PORT with an address and a port up to 65535",
                   STR_ARG(text));
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static err_t set_defaults(listener_t *self, const config_t *config, buf_t *why)
{
    self->auth = config_bool(config, "auth");
    self->admin = config_bool(config, "admin");
    self->tls = config_bool(config, "tls");
    self->proxy_protocol = config_bool(config, "proxy-protocol");
    err_t err = set_instance(self, str_of(config_text(config, "instance")), why);
    if (err == ERR_OK)
        err = set_default_user(self, str_of(config_text(config, "default-user")), why);
    if (err == ERR_OK)
        err = set_base_path(self, str_of(config_text(config, "base-path")), why);
    if (err == ERR_OK)
        err = set_client(self, str_of(config_text(config, "client")), why);
    if (err == ERR_OK)
        err = set_redirect(self, str_of(config_text(config, "https-redirect")), why);
    return err;
}

static err_t check(const listener_t *self, const char *text, const config_t *config, buf_t *why)
{
    size_t proxies;
    (void)config_list(config, "trusted-proxies", &proxies);
    if (self->proxy_protocol && proxies == 0) {
        buf_printf(why,
                   "listen: \"%s\" has proxy-protocol=on, but trusted-proxies names nobody who "
                   "may send it",
                   text);
        return ERR_CONFIG;
    }
    if (!self->auth && !listener_is_loopback(self) && !config_bool(config, "open")) {
        buf_printf(why,
                   "listen: \"%s\" can be reached from outside without authentication; "
                   "if that is meant, say --open",
                   text);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

err_t listener_parse(const char *text, const config_t *config, listener_t **out, buf_t *why)
{
    listener_t *self = calloc(1, sizeof *self);
    assert(self);
    str_t rest = str_of(text);
    err_t err = set_defaults(self, config, why);
    for (bool first = true; err == ERR_OK && (first || rest.len > 0); first = false) {
        const char *comma = rest.len ? memchr(rest.p, ',', rest.len) : NULL;
        str_t word = {rest.p, comma ? (size_t)(comma - rest.p) : rest.len};
        size_t used = word.len + (comma ? 1 : 0);
        rest = (str_t){rest.p + used, rest.len - used};
        err = first ? set_address(self, word, why) : set_key(self, word, why);
    }
    if (err == ERR_OK)
        err = check(self, text, config, why);
    if (err != ERR_OK)
        listener_destroy(&self);
    *out = self;
    return err;
}

void listener_destroy(listener_t **self_p)
{
    listener_t *self = *self_p;
    if (!self)
        return;
    free(self->host);
    free(self->instance);
    free(self->adapter);
    free(self->from);
    free(self->default_user);
    free(self->base_path);
    free(self);
    *self_p = NULL;
}

bool listener_is_loopback(const listener_t *self)
{
    return strncmp(self->host, "127.", 4) == 0 || strcmp(self->host, "::1") == 0;
}

void listener_url(const listener_t *self, buf_t *out)
{
    const char *host = self->host[0] ? self->host : "0.0.0.0";
    bool v6 = strchr(host, ':') != NULL;
    int port = self->bound_port ? self->bound_port : self->port;
    buf_printf(out, "http%s://%s%s%s:%d", self->tls ? "s" : "", v6 ? "[" : "", host, v6 ? "]" : "",
               port);
}
