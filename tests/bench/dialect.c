/* SPDX-License-Identifier: MIT */
#include "tests/bench/dialect.h"

#include <stdio.h>
#include <string.h>

#include "tests/bench/text.h"

#define EIO3 "/socket.io/?EIO=3&transport="
#define EIO4 "/socket.io/?EIO=4&transport="

/* What the others send as a state, so that a delivery has about as many bytes as iobus's. */
#define STATE_REST                                                                                 \
    ",\"ack\":true,\"ts\":1700000000000,\"q\":0,\"from\":\"system.adapter.socketio.0\","           \
    "\"user\":\"system.user.admin\",\"lc\":1700000000000}"

bool dialect_number(const char *json, size_t size, const char *name, uint64_t *value)
{
    char field[32];
    size_t length = strlen(name);
    if (length + 3 > sizeof field)
        return false;
    field[0] = '"';
    memcpy(field + 1, name, length);
    memcpy(field + 1 + length, "\":", 2);
    length += 3;
    const char *found = memmem(json, size, field, length);
    if (!found)
        return false;
    const char *number = found + length;
    size_t left = size - (size_t)(number - json);
    size_t used = text_digits(number, left, value);
    /* A fraction, an exponent or a cut number is not the whole number that was written. */
    return used > 0 && used < left && (number[used] == ',' || number[used] == '}');
}

static packet_t packet_of(packet_kind_t kind, const char *body, size_t size)
{
    return (packet_t){.kind = kind, .body = body, .size = size};
}

/* `"ID",VALUE`, behind the name of an event. */
static packet_t event_of(const char *data, size_t size)
{
    const char *end = size > 1 && data[0] == '"' ? memchr(data + 1, '"', size - 1) : NULL;
    packet_t packet = packet_of(PACKET_UNKNOWN, data, size);
    if (!end || (size_t)(end - data) + 2 >= size || end[1] != ',')
        return packet;
    packet.kind = PACKET_EVENT;
    packet.name = data + 1;
    packet.name_size = (size_t)(end - data) - 1;
    packet.body = end + 2;
    packet.size = size - (size_t)(packet.body - data);
    return packet;
}

/* --- socket.io ------------------------------------------------------------------------------- */

static char *sio_begin(char *at, uint64_t id, const char *command)
{
    at = text_put(at, "42");
    at = text_number(at, id);
    at = text_put(at, "[\"");
    at = text_put(at, command);
    return text_put(at, "\",");
}

static packet_t sio_event(const char *data, size_t size)
{
    static const char begin[] = "[\"stateChange\",";
    if (size < sizeof begin || memcmp(data, begin, sizeof begin - 1) != 0)
        return packet_of(PACKET_UNKNOWN, data, size);
    return event_of(data + sizeof begin - 1, size - sizeof begin); /* without the last bracket */
}

static packet_t sio_ack(const char *data, size_t size)
{
    packet_t packet = packet_of(PACKET_UNKNOWN, data, size);
    size_t used = text_digits(data, size, &packet.id);
    if (used == 0 || size - used < 2 || data[used] != '[' || data[size - 1] != ']')
        return packet;
    packet.kind = PACKET_ACK;
    packet.body = data + used + 1;
    packet.size = size - used - 2;
    return packet;
}

static packet_t sio_message(const char *data, size_t size)
{
    switch (size > 0 ? data[0] : '\0') {
    case '0':
        return packet_of(PACKET_READY, data + 1, size - 1);
    case '2':
        return sio_event(data + 1, size - 1);
    case '3':
        return sio_ack(data + 1, size - 1);
    case '1':
    case '4':
        return packet_of(PACKET_REFUSED, data, size);
    default:
        return packet_of(PACKET_UNKNOWN, data, size);
    }
}

static packet_t sio_parse(const char *data, size_t size)
{
    switch (size > 0 ? data[0] : '\0') {
    case '4':
        return sio_message(data + 1, size - 1);
    case '0':
        return packet_of(PACKET_OPEN, data + 1, size - 1);
    case '2':
        return packet_of(PACKET_PING, data, size);
    case '3':
    case '6':
        return packet_of(PACKET_IGNORED, data, size);
    default:
        return packet_of(PACKET_UNKNOWN, data, size);
    }
}

/* --- ioBroker's own -------------------------------------------------------------------------- */

static char *iobws_begin(char *at, uint64_t id, const char *command)
{
    at = text_put(at, "[3,");
    at = text_number(at, id);
    at = text_put(at, ",\"");
    at = text_put(at, command);
    return text_put(at, "\",[");
}

static packet_t iobws_parse(const char *data, size_t size)
{
    static const char change[] = "\"stateChange\",[";
    packet_t packet = packet_of(PACKET_UNKNOWN, data, size);
    if (size < 3 || data[0] != '[' || data[size - 1] != ']')
        return packet;
    if (data[1] == '1')
        return packet_of(PACKET_PING, data, size);
    if (data[1] == '2')
        return packet_of(PACKET_IGNORED, data, size);
    size_t used = text_digits(data + 3, size - 3, &packet.id);
    const char *at = data + 3 + used;
    const char *end = data + size - 1;
    if (used == 0 || at >= end || *at++ != ',')
        return packet;
    if (data[1] == '0') {
        if ((size_t)(end - at) > sizeof change && memcmp(at, change, sizeof change - 1) == 0)
            return event_of(at + sizeof change - 1, (size_t)(end - at) - sizeof change);
        bool ready = (size_t)(end - at) == 13 && memcmp(at, "\"___ready___\"", 13) == 0;
        packet.kind = ready ? PACKET_READY : PACKET_UNKNOWN;
        return packet;
    }
    const char *body = memchr(at, '[', (size_t)(end - at));
    if (data[1] != '3' || !body || end[-1] != ']')
        return packet;
    packet.kind = PACKET_ACK;
    packet.body = body + 1;
    packet.size = (size_t)(end - body) - 2;
    return packet;
}

/* --- MQTT ------------------------------------------------------------------------------------ */

static const char MQTT_CONNECT[] = "\x10\x0c\0\4MQTT\4\2\0\0\0\0";
static const char MQTT_SUBSCRIBE[] = "\x82\6\0\1\0\1#";

static char *mqtt_set(char *at, uint64_t id, const char *name, size_t size, uint64_t value)
{
    (void)id;
    char payload[256];
    char *end = text_put(payload, "{\"val\":");
    end = text_put(text_number(end, value), STATE_REST);
    size_t left = 2 + size + (size_t)(end - payload);
    *at++ = 0x30;
    *at++ = (char)(left >= 128 ? (left & 127) | 128 : left);
    if (left >= 128)
        *at++ = (char)(left >> 7); /* ids are short: two digits do */
    *at++ = 0;
    *at++ = (char)size;
    at = text_bytes(at, name, size);
    return text_bytes(at, payload, (size_t)(end - payload));
}

static char *mqtt_watch(char *at, uint64_t id)
{
    at = text_bytes(at, MQTT_SUBSCRIBE, 2);
    *at++ = (char)(id >> 8);
    *at++ = (char)id;
    at = text_bytes(at, MQTT_SUBSCRIBE + 4, 3);
    *at++ = 0; /* quality of service */
    return at;
}

static packet_t mqtt_parse(const char *data, size_t size)
{
    packet_t packet = packet_of(PACKET_UNKNOWN, data, size);
    size_t head = size > 2 && (unsigned char)data[1] >= 128 ? 3 : 2;
    if (size < head + 2)
        return packet;
    const unsigned char *at = (const unsigned char *)data + head;
    switch ((unsigned char)data[0] >> 4) {
    case 2:
        packet.kind = at[1] == 0 ? PACKET_READY : PACKET_REFUSED;
        break;
    case 3:
        packet.name = data + head + 2;
        packet.name_size = (size_t)(at[0] << 8 | at[1]);
        if (packet.name_size > size - head - 2)
            break;
        packet.kind = PACKET_EVENT;
        packet.body = packet.name + packet.name_size;
        packet.size = size - (size_t)(packet.body - data);
        break;
    case 9:
        packet.kind = PACKET_ACK;
        packet.id = (uint64_t)(at[0] << 8 | at[1]);
        packet.body = "null";
        packet.size = 4;
        break;
    default:
        break;
    }
    return packet;
}

/* --- nchan ----------------------------------------------------------------------------------- */

static char *nchan_set(char *at, uint64_t id, const char *name, size_t size, uint64_t value)
{
    (void)id;
    *at++ = '"';
    at = text_bytes(at, name, size);
    at = text_put(at, "\",{\"val\":");
    return text_put(text_number(at, value), STATE_REST);
}

static char *nchan_watch(char *at, uint64_t id)
{
    (void)id;
    return at;
}

/* Publishers are told how their message fared. */
static packet_t nchan_parse(const char *data, size_t size)
{
    if (size > 0 && data[0] == '"')
        return event_of(data, size);
    return packet_of(PACKET_IGNORED, data, size);
}

/* --- Redis ----------------------------------------------------------------------------------- */

static char *resp_text(char *at, const char *data, size_t size)
{
    *at++ = '$';
    at = text_put(text_number(at, size), "\r\n");
    return text_put(text_bytes(at, data, size), "\r\n");
}

static char *resp_set(char *at, uint64_t id, const char *name, size_t size, uint64_t value)
{
    (void)id;
    char state[256];
    char *end = text_put(state, "{\"val\":");
    end = text_put(text_number(end, value), STATE_REST);
    at = text_put(at, "*3\r\n$3\r\nSET\r\n");
    return resp_text(resp_text(at, name, size), state, (size_t)(end - state));
}

static char *resp_get(char *at, uint64_t id, const char *name, size_t size)
{
    (void)id;
    return resp_text(text_put(at, "*2\r\n$3\r\nGET\r\n"), name, size);
}

static size_t resp_split(const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n", 2);
    if (!end)
        return 0;
    size_t line = (size_t)(end - data) + 2;
    uint64_t length;
    if (data[0] != '$' || text_digits(data + 1, size - 1, &length) == 0)
        return line;
    return size - line < length + 2 ? 0 : line + (size_t)length + 2;
}

static packet_t resp_parse(const char *data, size_t size)
{
    if (size == 7 && memcmp(data, "+PONG\r\n", 7) == 0)
        return packet_of(PACKET_READY, data, size);
    if (data[0] == '+' || data[0] == ':')
        return packet_of(PACKET_ACK, data + 1, size - 3);
    const char *end = data[0] == '$' ? memchr(data, '\n', size) : NULL;
    if (!end)
        return packet_of(PACKET_REFUSED, data, size);
    size_t line = (size_t)(end - data) + 1;
    return packet_of(PACKET_ACK, data + line, size > line ? size - line - 2 : 0);
}

/* --------------------------------------------------------------------------------------------- */

#define SIO                                                                                        \
    .set_ok = NULL, .get_begin = "null,{", .begin = sio_begin, .end = "]", .parse = sio_parse

static const dialect_t dialects[] = {
    {.name = "sio2",
     .carrier = CARRIER_WS,
     .revision = 3,
     .path = EIO3 "websocket",
     .ping = "2",
     .pong = "3",
     SIO},
    {.name = "sio5",
     .carrier = CARRIER_WS,
     .revision = 4,
     .path = EIO4 "websocket",
     .pong = "3",
     SIO},
    {.name = "poll2",
     .carrier = CARRIER_POLL,
     .revision = 3,
     .path = EIO3 "polling",
     .ping = "2",
     .pong = "3",
     SIO},
    {.name = "poll5",
     .carrier = CARRIER_POLL,
     .revision = 4,
     .path = EIO4 "polling",
     .pong = "3",
     SIO},
    {.name = "iobws",
     .carrier = CARRIER_WS,
     .path = "/?sid=1700000000000",
     .get_begin = "null,{",
     .pong = "[2]",
     .begin = iobws_begin,
     .end = "]]",
     .parse = iobws_parse},
    {.name = "mqtt",
     .carrier = CARRIER_WS,
     .path = "/mqtt",
     .protocol = "mqtt",
     .binary = true,
     .silent = true,
     .hello = MQTT_CONNECT,
     .hello_size = sizeof MQTT_CONNECT - 1,
     .set = mqtt_set,
     .watch = mqtt_watch,
     .parse = mqtt_parse},
    {.name = "nchan",
     .carrier = CARRIER_WS,
     .path = "/sub",
     .writer_path = "/pub",
     .silent = true,
     .ready_when_open = true,
     .set = nchan_set,
     .watch = nchan_watch,
     .parse = nchan_parse},
    {.name = "resp",
     .carrier = CARRIER_RAW,
     .path = "",
     .ordered = true,
     .hello = "PING\r\n",
     .hello_size = 6,
     .set_ok = "OK",
     .get_begin = "{",
     .set = resp_set,
     .get = resp_get,
     .parse = resp_parse,
     .split = resp_split},
};

const dialect_t *dialect_find(const char *name)
{
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        if (strcmp(dialects[i].name, name) == 0)
            return &dialects[i];
    }
    return NULL;
}
