/* SPDX-License-Identifier: MIT */
/* Requests that several modes send, in the dialect of the slot's client. */
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

#include "tests/bench/load.h"

#define REQUEST_NAME_MAX 32

/* Writes PREFIXn; returns its length. */
size_t request_name(char name[REQUEST_NAME_MAX], const char *prefix, uint32_t number);

/* The beginning of a call, in load->text; request_end sends it when its arguments are there. */
char *request_begin(load_t *load, const slot_t *slot, const char *command);
void request_end(load_t *load, const slot_t *slot, char *at);

void request_set(load_t *load, slot_t *slot, const char *name, size_t size, uint64_t value);
void request_get(load_t *load, slot_t *slot, const char *name, size_t size);

bool packet_equals(const packet_t *packet, const char *text, size_t size);
bool packet_starts(const packet_t *packet, const char *text, size_t size);

/* The answer to request_set; to request_get, with this value. */
bool request_is_set(const slot_t *slot, const packet_t *ack, const char *name, size_t size);
bool request_is_value(const slot_t *slot, const packet_t *ack, uint64_t value);

#endif
