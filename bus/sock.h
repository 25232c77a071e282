/* SPDX-License-Identifier: MIT */
/* ZeroMQ sockets as the bus uses them: bounded, never blocking, one owner thread each. Errors of
 * ZeroMQ are translated here. libzmq is not instrumented for ThreadSanitizer, so this module also
 * tells it that what was written before a send is visible after the receive. */
#ifndef IOBUS_BUS_SOCK_H
#define IOBUS_BUS_SOCK_H

#include <zmq.h>

#include "bus/buf.h"
#include "bus/err.h"

/* CZMQ's socket; czmq.h itself pulls in half of POSIX and stays out of headers. */
typedef struct _zsock_t zsock_t;

#define SOCK_XPUB_HWM 1000 /* ... of an XPUB: what does not fit is a hole, and a replay */
/* Subscriptions that libzmq reads in one go: it drains this queue inside every call. */
#define SOCK_XPUB_RCVHWM 100
#define SOCK_HWM 100000 /* frames that may wait for one peer */

/* CZMQ sets itself up when it is first used, and two threads that do so at once break it: to be
 * called before there is a second thread. */
void sock_init(void);
/* type: ZMQ_ROUTER ...; routing_id: NULL or the name by which ROUTERs know it. max_frame in bytes.
 * Aborts when no socket can be made (a small fixed resource). Caller owns (zsock_destroy). */
zsock_t *sock_new(int type, const char *routing_id, size_t max_frame);
/* Binds all endpoints of a NULL-terminated list; on error one line in why. */
err_t sock_bind(zsock_t *self, const char *const *endpoints, buf_t *why) MUST_USE;
/* Sends one part; ERR_BUSY when the queue is full, ERR_UNAVAILABLE when there is no peer. */
err_t sock_send(zsock_t *self, str_t data, bool more) MUST_USE;
/* The same, taking the buffer over (without a copy when it is large). buf is empty afterwards. */
err_t sock_send_buf(zsock_t *self, buf_t *buf) MUST_USE;
/* Receives one part; false when nothing is there. msg is initialised by the call and closed by the
 * caller. */
bool sock_recv(zsock_t *self, zmq_msg_t *msg);
bool sock_has_more(const zmq_msg_t *msg);
/* Throws away the other parts of a message. */
void sock_drop_rest(zsock_t *self, const zmq_msg_t *msg);
str_t sock_msg_str(zmq_msg_t *msg);
int sock_fd(zsock_t *self);
/* Milliseconds of a clock that never jumps; microseconds of the same. */
int64_t sock_mono_ms(void);
int64_t sock_mono_us(void);

#endif
