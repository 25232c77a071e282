/* SPDX-License-Identifier: MIT */
#include "bus/sock.h"

#include <assert.h>
#include <czmq.h>

#include "bus/log.h"

#define COPY_BYTES 4096 /* smaller frames are copied: cheaper than handing memory over */
#define LINGER_MS 1000  /* what is sent at the end still leaves */
#define RECONNECT_MS 50
#define RECONNECT_MAX_MS 500

#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char handover; /* stands for ZeroMQ's queues: sends release it, receives acquire it */
#define MARK_SENT() __tsan_release(&handover)
#define MARK_RECEIVED() __tsan_acquire(&handover)
#else
#define MARK_SENT() ((void)0)
#define MARK_RECEIVED() ((void)0)
#endif

void sock_init(void)
{
    zsys_init();
}

zsock_t *sock_new(int type, const char *routing_id, size_t max_frame)
{
    zsock_t *self = zsock_new(type);
    assert(self);
    zsock_set_linger(self, LINGER_MS);
    zsock_set_sndhwm(self, SOCK_HWM);
    zsock_set_rcvhwm(self, SOCK_HWM);
    zsock_set_reconnect_ivl(self, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(self, RECONNECT_MAX_MS);
    zsock_set_maxmsgsize(self, (int)max_frame);
    if (routing_id)
        zsock_set_identity(self, routing_id);
    if (type == ZMQ_XPUB) {
        zsock_set_sndhwm(self, SOCK_XPUB_HWM);
        zsock_set_rcvhwm(self, SOCK_XPUB_RCVHWM);
    }
    if (type == ZMQ_ROUTER)
        zsock_set_router_handover(self, 1);
    return self;
}

err_t sock_bind(zsock_t *self, const char *const *endpoints, buf_t *why)
{
    for (size_t i = 0; endpoints[i]; i++) {
        if (zmq_bind(zsock_resolve(self), endpoints[i]) != 0) {
            buf_printf(why, "cannot bind %s: %s", endpoints[i], zmq_strerror(zmq_errno()));
            return ERR_IO;
        }
    }
    return ERR_OK;
}

static err_t translate(int error)
{
    if (error == EAGAIN)
        return ERR_BUSY;
    if (error == EHOSTUNREACH || error == ENOTCONN)
        return ERR_UNAVAILABLE;
    return ERR_IO;
}

/* Closes the message when it could not be sent. */
static err_t send_msg(zsock_t *self, zmq_msg_t *msg, int flags)
{
    MARK_SENT();
    if (zmq_msg_send(msg, zsock_resolve(self), ZMQ_DONTWAIT | flags) >= 0)
        return ERR_OK;
    err_t err = translate(zmq_errno());
    zmq_msg_close(msg);
    return err;
}

err_t sock_send(zsock_t *self, str_t data, bool more)
{
    zmq_msg_t msg;
    if (zmq_msg_init_size(&msg, data.len) != 0)
        return ERR_NO_MEMORY;
    if (data.len)
        memcpy(zmq_msg_data(&msg), data.p, data.len);
    return send_msg(self, &msg, more ? ZMQ_SNDMORE : 0);
}

static void free_data(void *data, void *hint)
{
    (void)hint;
    free(data);
}

err_t sock_send_buf(zsock_t *self, buf_t *buf)
{
    if (buf->len <= COPY_BYTES) {
        err_t err = sock_send(self, buf_str(buf), false);
        buf_reset(buf);
        return err;
    }
    zmq_msg_t msg;
    int made = zmq_msg_init_data(&msg, buf->data, buf->len, free_data, NULL);
    assert(made == 0);
    buf_init(buf);
    return send_msg(self, &msg, 0);
}

bool sock_recv(zsock_t *self, zmq_msg_t *msg)
{
    zmq_msg_init(msg);
    if (zmq_msg_recv(msg, zsock_resolve(self), ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(msg);
        return false;
    }
    MARK_RECEIVED();
    return true;
}

bool sock_has_more(const zmq_msg_t *msg)
{
    return zmq_msg_more(msg) != 0;
}

void sock_drop_rest(zsock_t *self, const zmq_msg_t *msg)
{
    bool more = sock_has_more(msg);
    while (more) {
        zmq_msg_t part;
        if (!sock_recv(self, &part))
            return;
        more = sock_has_more(&part);
        zmq_msg_close(&part);
    }
}

str_t sock_msg_str(zmq_msg_t *msg)
{
    return (str_t){zmq_msg_data(msg), zmq_msg_size(msg)};
}

int sock_fd(zsock_t *self)
{
    return (int)zsock_fd(self);
}

int64_t sock_mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t sock_mono_ms(void)
{
    return sock_mono_us() / 1000;
}
