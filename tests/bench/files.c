/* SPDX-License-Identifier: MIT */
/* The modes writeFile64 and readFile64: whole files in base64, a file per slot. Every file has its
 * own first bytes, so that one read in the place of another is noticed. */
#include <string.h>

#include "tests/bench/modes.h"
#include "tests/bench/request.h"
#include "tests/bench/text.h"

#define FOLDER "\"vis.0\",\"bench/"
#define MARK 8 /* characters of base64 that differ */

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t file_clients(const options_t *options)
{
    return options->connections;
}

static uint32_t file_slots(const options_t *options, uint32_t index)
{
    (void)index;
    return options->inflight;
}

/* Noise, so that a store that compresses gains nothing. */
static void file_begin(load_t *load)
{
    uint32_t bytes = load->options.size;
    size_t groups = (bytes + 2) / 3;
    load->file_size = groups * 4;
    load->file = load_allocate(load->file_size, 1);
    uint32_t state = 1;
    for (size_t i = 0; i < load->file_size; i++) {
        state = state * 1664525u + 1013904223u;
        load->file[i] = ALPHABET[state >> 26];
    }
    static const char ends[][4] = {"", "A==", "AA="}; /* by what is left over of three bytes */
    const char *end = ends[bytes % 3];
    size_t size = strlen(end);
    memcpy(load->file + load->file_size - size, end, size);
}

static void mark(load_t *load, uint32_t key)
{
    for (size_t i = 0; i < MARK && i + 4 < load->file_size; i++, key >>= 4)
        load->file[i] = ALPHABET[key & 15];
}

static char *file_name(char *at, uint32_t key)
{
    return text_put(text_number(text_put(at, FOLDER), key), ".bin\"");
}

static uint32_t file_key(const load_t *load, const slot_t *slot)
{
    return (uint32_t)(slot - load->slots);
}

static void send_write(load_t *load, slot_t *slot)
{
    slot->key = file_key(load, slot);
    mark(load, slot->key);
    char *at = file_name(request_begin(load, slot, "writeFile64"), slot->key);
    at = text_put(at, ",\"");
    at = text_bytes(at, load->file, load->file_size);
    request_end(load, slot, text_put(at, "\""));
}

static void send_read(load_t *load, slot_t *slot)
{
    slot->key = file_key(load, slot);
    request_end(load, slot, file_name(request_begin(load, slot, "readFile64"), slot->key));
}

static bool issue(load_t *load, uint64_t due, void (*send)(load_t *, slot_t *))
{
    slot_t *slot = load_take_slot(load, due);
    if (slot)
        send(load, slot);
    return slot != NULL;
}

static bool write_issue(load_t *load, uint64_t due)
{
    return issue(load, due, send_write);
}

static bool read_issue(load_t *load, uint64_t due)
{
    return issue(load, due, send_read);
}

/* One request for each of the client's slots, one after the other. */
static bool step(load_t *load, client_t *client, void (*send)(load_t *, slot_t *))
{
    if (client->step == client->slot_count)
        return false;
    slot_t *slot = &client->slots[client->step++];
    load_use_slot(load, slot, 0, 1);
    send(load, slot);
    return true;
}

static bool read_prepare(load_t *load, client_t *client)
{
    return step(load, client, send_write);
}

static bool write_verify(load_t *load, client_t *client)
{
    return step(load, client, send_read);
}

static bool write_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)load;
    (void)client;
    (void)slot;
    return packet_starts(ack, "null", 4) && ack->size < 16;
}

static bool read_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)client;
    mark(load, slot->key);
    size_t begin = sizeof "null,\"" - 1;
    return packet_starts(ack, "null,\"", begin) && ack->size > begin + load->file_size &&
           memcmp(ack->body + begin, load->file, load->file_size) == 0 &&
           ack->body[begin + load->file_size] == '"';
}

static void file_acknowledged(load_t *load, slot_t *slot)
{
    load_record(load, slot->due);
    load_answered(load, slot);
    load_free_slot(load, slot);
}

const modes_row_t write_file_mode = {
    .name = "writeFile64",
    .clients = file_clients,
    .slots = file_slots,
    .begin = file_begin,
    .issue = write_issue,
    .check = write_check,
    .acknowledged = file_acknowledged,
    .verify = write_verify,
    .verified = read_check,
};

const modes_row_t read_file_mode = {
    .name = "readFile64",
    .clients = file_clients,
    .slots = file_slots,
    .begin = file_begin,
    .prepare = read_prepare,
    .prepared = write_check,
    .issue = read_issue,
    .check = read_check,
    .acknowledged = file_acknowledged,
};
