/* SPDX-License-Identifier: MIT */
/* What handlers want to send besides their answers: events and questions to other actors, kept
 * until the batch is committed. Strings and values are copied. Thread contract: one owner thread.
 */
#ifndef IOBUS_BUS_OUTGOING_H
#define IOBUS_BUS_OUTGOING_H

#include "bus/env.h"
#include "bus/publisher.h"
#include "bus/requests.h"
#include "bus/tap.h"

typedef struct outgoing outgoing_t;

outgoing_t *outgoing_new(void);
/* At the end: answers the questions that were not sent with ERR_SHUTDOWN, and takes no more. */
void outgoing_refuse(outgoing_t *self);
void outgoing_destroy(outgoing_t **self_p);
/* cause: NULL or the request that the event belongs to. acl, args: as env_t's.
 * seen: see envelope.h. */
void outgoing_publish(outgoing_t *self, const char *event, const request_t *cause, uint64_t seen,
                      mp_t acl, mp_t args);
/* actor, command: static. caller may be NULL. */
void outgoing_ask(outgoing_t *self, const char *actor, const char *command, const caller_t *caller,
                  mp_t args, int64_t ttl_ms, env_answer_fn *done, void *arg);
size_t outgoing_events(const outgoing_t *self);
size_t outgoing_bytes(const outgoing_t *self); /* of events and questions that wait */
void outgoing_drop_events(outgoing_t *self);
/* Hands all events to the publisher (and the tap while somebody listens), in order. */
void outgoing_send_events(outgoing_t *self, publisher_t *publisher, tap_t *tap, int64_t now_ms);
/* Sends all questions. Their callbacks run later, in requests_process; a question for which there
 * is no room is answered with ERR_BUSY here. */
void outgoing_send_questions(outgoing_t *self, requests_t *requests, int64_t mono_ms);

#endif
