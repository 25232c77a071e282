/* SPDX-License-Identifier: MIT */
#include "gateway/ports.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bus/log.h"
#include "gateway/admission.h"

#define RX_BYTES 65536 /* of one read; one buffer for all connections */
#define KEEPALIVE_S 60 /* TCP keep-alive, for peers that vanish without a word */
#define KEEPALIVE_PROBES 4
#define PROTOCOL "iobus"

struct ports {
    struct lws_context *context;
    conn_env_t *env;
    bool closed;
    size_t count;
    struct port *ports; /* one per listener */
};

/* What a virtual host knows. */
typedef struct port {
    ports_t *all;
    listener_t *listener;
    char name[40];
} port_t;

/* --- the callback --------------------------------------------------------------------------------
 */

static port_t *port_of(struct lws *wsi)
{
    return lws_vhost_user(lws_get_vhost(wsi));
}

static int on_adopt(struct lws *wsi, conn_t **conn)
{
    port_t *port = port_of(wsi);
    *conn = port->all->closed ? NULL : conn_new(port->all->env, port->listener, wsi);
    return *conn ? 0 : -1;
}

static int on_close(struct lws *wsi, conn_t **conn)
{
    (void)wsi;
    if (conn)
        conn_destroy(conn);
    return 0;
}

/* The connections are raw sockets for the library: see conn.h. */
static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    conn_t **conn = user;
    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
        return on_adopt(wsi, conn);
    case LWS_CALLBACK_RAW_RX:
        return conn_on_rx(*conn, in, len);
    case LWS_CALLBACK_RAW_WRITEABLE:
        return conn_on_writable(*conn);
    case LWS_CALLBACK_RAW_CLOSE:
        return on_close(wsi, conn);
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = PROTOCOL,
                                                  .callback = callback,
                                                  .per_session_data_size = sizeof(conn_t *),
                                                  .rx_buffer_size = RX_BYTES,
                                                  .tx_packet_size = CONN_GATHER},
                                                 {.name = NULL}};

/* --- listening -----------------------------------------------------------------------------------
 */

static void emit(int level, const char *line)
{
    static log_limit_t limit;
    size_t n = strcspn(line, "\n");
    log_limited(&limit, level == LLL_ERR ? LEVEL_WARN : LEVEL_DEBUG, "GW-LWS", "%.*s", (int)n,
                line);
}

static struct lws_context *make_context(ports_t *self)
{
    void *loops[] = {self->env->loop};
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_LIBEV |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .foreign_loops = loops,
        .pt_serv_buf_size = RX_BYTES,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, emit);
    return lws_create_context(&info);
}

/* Tries to listen by ourselves, only to learn why it does not work. */
static void explain(const listener_t *listener, buf_t *why)
{
    bool v6 = listener->host[0] == '\0' || strchr(listener->host, ':');
    struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)listener->port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)listener->port)};
    int yes = 1, error = 0;
    (void)inet_pton(AF_INET6, listener->host, &six.sin6_addr);
    (void)inet_pton(AF_INET, listener->host, &four.sin_addr);
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t size = v6 ? sizeof six : sizeof four;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, address, size) != 0 || listen(fd, 1) != 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    listener_url(listener, why);
    buf_printf(why, ": cannot listen: %s", error ? strerror(error) : "the address is in use");
}

static err_t listen_on(ports_t *self, port_t *port, buf_t *why)
{
    const listener_t *listener = port->listener;
    bool v4 = listener->host[0] != '\0' && !strchr(listener->host, ':');
    struct lws_context_creation_info info = {
        .port = listener->port,
        .iface = listener->host[0] ? listener->host : NULL,
        .protocols = protocols,
        .user = port,
        .vhost_name = port->name,
        .listen_accept_role = "raw-skt",
        .listen_accept_protocol = PROTOCOL,
        .ka_time = KEEPALIVE_S,
        .ka_interval = KEEPALIVE_S / KEEPALIVE_PROBES,
        .ka_probes = KEEPALIVE_PROBES,
        .options = LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (v4 ? LWS_SERVER_OPTION_DISABLE_IPV6 : 0),
    };
    struct lws_vhost *vhost = lws_create_vhost(self->context, &info);
    if (!vhost) {
        explain(listener, why);
        return ERR_IO;
    }
    port->listener->bound_port = lws_get_vhost_listen_port(vhost);
    return ERR_OK;
}

ports_t *ports_open(conn_env_t *env, listener_t *const *listeners, buf_t *why)
{
    ports_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    env->admission = admission_new(SIZE_MAX, 0);
    env->gather = malloc(LWS_PRE + CONN_GATHER);
    while (listeners[self->count])
        self->count++;
    self->ports = calloc(self->count, sizeof *self->ports);
    assert(self->ports && env->gather);
    self->context = make_context(self);
    err_t err = self->context ? ERR_OK : ERR_IO;
    if (err != ERR_OK)
        buf_append_cstr(why, "libwebsockets does not start (is libwebsockets-evlib-ev installed?)");
    for (size_t i = 0; err == ERR_OK && i < self->count; i++) {
        self->ports[i] = (port_t){.all = self, .listener = listeners[i]};
        snprintf(self->ports[i].name, sizeof self->ports[i].name, "listener-%zu", i);
        err = listen_on(self, &self->ports[i], why);
    }
    if (err != ERR_OK)
        ports_destroy(&self);
    return self;
}

void ports_destroy(ports_t **self_p)
{
    ports_t *self = *self_p;
    if (!self)
        return;
    self->closed = true;
    if (self->context)
        lws_context_destroy(self->context);
    free(self->env->gather);
    self->env->gather = NULL;
    admission_destroy(&self->env->admission);
    free(self->ports);
    free(self);
    *self_p = NULL;
}

void ports_close(ports_t *self)
{
    self->closed = true;
}

void ports_limit(ports_t *self, size_t max, size_t max_per_address)
{
    admission_set(self->env->admission, max, max_per_address);
}
