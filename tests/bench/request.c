/* SPDX-License-Identifier: MIT */
#include "tests/bench/request.h"

#include <string.h>

#include "tests/bench/text.h"

size_t request_name(char name[REQUEST_NAME_MAX], const char *prefix, uint32_t number)
{
    return (size_t)(text_number(text_put(name, prefix), number) - name);
}

char *request_begin(load_t *load, const slot_t *slot, const char *command)
{
    return client_dialect(slot->client)->begin(load->text, slot->id, command);
}

void request_end(load_t *load, const slot_t *slot, char *at)
{
    load_send(load, slot->client, text_put(at, client_dialect(slot->client)->end));
}

static char *quoted(char *at, const char *text, size_t size)
{
    *at++ = '"';
    at = text_bytes(at, text, size);
    *at++ = '"';
    return at;
}

void request_set(load_t *load, slot_t *slot, const char *name, size_t size, uint64_t value)
{
    const dialect_t *dialect = client_dialect(slot->client);
    if (dialect->set) {
        load_send(load, slot->client, dialect->set(load->text, slot->id, name, size, value));
        return;
    }
    char *at = quoted(request_begin(load, slot, "setState"), name, size);
    at = text_number(text_put(at, ",{\"val\":"), value);
    request_end(load, slot, text_put(at, ",\"ack\":true}"));
}

void request_get(load_t *load, slot_t *slot, const char *name, size_t size)
{
    const dialect_t *dialect = client_dialect(slot->client);
    if (dialect->get)
        load_send(load, slot->client, dialect->get(load->text, slot->id, name, size));
    else
        request_end(load, slot, quoted(request_begin(load, slot, "getState"), name, size));
}

bool packet_starts(const packet_t *packet, const char *text, size_t size)
{
    return packet->size >= size && memcmp(packet->body, text, size) == 0;
}

bool packet_equals(const packet_t *packet, const char *text, size_t size)
{
    return packet->size == size && memcmp(packet->body, text, size) == 0;
}

bool request_is_set(const slot_t *slot, const packet_t *ack, const char *name, size_t size)
{
    const char *constant = client_dialect(slot->client)->set_ok;
    if (constant)
        return packet_equals(ack, constant, strlen(constant));
    char text[REQUEST_NAME_MAX + 8];
    char *end = quoted(text_put(text, "null,"), name, size);
    return packet_equals(ack, text, (size_t)(end - text));
}

bool request_is_value(const slot_t *slot, const packet_t *ack, uint64_t value)
{
    const char *begin = client_dialect(slot->client)->get_begin;
    uint64_t found;
    return packet_starts(ack, begin, strlen(begin)) &&
           dialect_number(ack->body, ack->size, "val", &found) && found == value;
}
