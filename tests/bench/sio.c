/* SPDX-License-Identifier: MIT */
#include "tests/bench/sio.h"

#include <stdio.h>
#include <string.h>

/* Digits at `data`, up to 18 of them (no overflow); returns how many there were. */
static size_t digits(const char *data, size_t size, uint64_t *value)
{
    size_t used = 0;
    *value = 0;
    while (used < size && used < 18 && data[used] >= '0' && data[used] <= '9')
        *value = *value * 10 + (uint64_t)(data[used++] - '0');
    return used;
}

static sio_packet_t parse_message(const char *data, size_t size)
{
    static const sio_kind_t kinds[] = {SIO_CONNECT, SIO_REFUSED, SIO_EVENT, SIO_ACK, SIO_REFUSED};
    sio_packet_t packet = {.kind = SIO_UNKNOWN, .body = data, .size = size};
    if (size == 0 || data[0] < '0' || data[0] > '4')
        return packet;
    size_t used = 1;
    packet.kind = kinds[data[0] - '0'];
    if (packet.kind == SIO_ACK) {
        size_t count = digits(data + 1, size - 1, &packet.id);
        if (count == 0)
            packet.kind = SIO_UNKNOWN;
        used += count;
    }
    packet.body = data + used;
    packet.size = size - used;
    return packet;
}

sio_packet_t sio_parse(const char *data, size_t size)
{
    sio_packet_t packet = {.kind = SIO_UNKNOWN, .body = data, .size = size};
    if (size == 0)
        return packet;
    if (data[0] == '4')
        return parse_message(data + 1, size - 1);
    if (data[0] == '0')
        packet.kind = SIO_OPEN;
    else if (data[0] == '3')
        packet.kind = SIO_PONG;
    packet.body = data + 1;
    packet.size = size - 1;
    return packet;
}

bool sio_starts(const sio_packet_t *packet, const char *text, size_t size)
{
    return packet->size >= size && memcmp(packet->body, text, size) == 0;
}

bool sio_equals(const sio_packet_t *packet, const char *text, size_t size)
{
    return packet->size == size && sio_starts(packet, text, size);
}

bool sio_number(const char *json, size_t size, const char *name, uint64_t *value)
{
    char field[32];
    int length = snprintf(field, sizeof field, "\"%s\":", name);
    if (length < 0 || (size_t)length >= sizeof field)
        return false;
    const char *found = memmem(json, size, field, (size_t)length);
    if (!found)
        return false;
    const char *number = found + length;
    size_t left = size - (size_t)(number - json);
    size_t used = digits(number, left, value);
    /* A fraction, an exponent or a cut number is not the whole number that was written. */
    return used > 0 && used < left && (number[used] == ',' || number[used] == '}');
}
