/* SPDX-License-Identifier: MIT */
/* Which of a thread's ZeroMQ sockets may have something to receive. Asking ZeroMQ itself costs two
 * system calls per socket and question (zmq_poll and every empty receive look into the socket's
 * mailbox); here one epoll descriptor watches the descriptors of all of them, and only flagged
 * sockets are touched.
 *
 * ZeroMQ's descriptor says that a mailbox has a command, and any call on the socket may take that
 * command away. So a flag stays until a receive has found nothing (ready_clear), and after sending
 * on a socket it is set again (ready_mark). Source: zmq_getsockopt(3), ZMQ_FD. Thread contract: one
 * owner thread, that of the sockets. */
#ifndef IOBUS_BUS_READY_H
#define IOBUS_BUS_READY_H

#include "bus/sock.h"

#define READY_MAX 64 /* sockets of a thread */

typedef struct ready ready_t;

ready_t *ready_new(void);
void ready_destroy(ready_t **self_p);
/* Watches a socket; it starts flagged. The returned number is its name here. */
size_t ready_add(ready_t *self, zsock_t *socket);
/* Before the socket is destroyed. */
void ready_remove(ready_t *self, size_t number);
/* Waits until a socket is flagged, at most so long (0: only looks; -1: for ever). */
void ready_wait(ready_t *self, int64_t ms);
/* Its descriptor is not watched until ready_resume, which flags it. */
void ready_pause(ready_t *self, size_t number);
void ready_resume(ready_t *self, size_t number);
bool ready_is(const ready_t *self, size_t number);
void ready_mark(ready_t *self, size_t number);
void ready_clear(ready_t *self, size_t number);
/* Whether any socket is flagged. */
bool ready_any(const ready_t *self);
/* One descriptor that is readable when ready_wait would find something new: for other event loops.
 */
int ready_fd(const ready_t *self);

#endif
