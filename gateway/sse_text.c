/* SPDX-License-Identifier: MIT */
#include "gateway/sse_text.h"

#include <string.h>

#include "bus/json.h"

#define FIELDS_MAX 3

static const struct {
    const char *name;
    const char *fields[FIELDS_MAX];
    uint32_t count;
} events[] = {{"stateChange", {"id", "state"}, 2},
              {"objectChange", {"id", "object"}, 2},
              {"fileChange", {"id", "file", "size"}, 3}};
#define EVENT_COUNT (sizeof events / sizeof events[0])

static size_t find_event(str_t name)
{
    size_t i = 0;
    while (i < EVENT_COUNT && !str_is(name, events[i].name))
        i++;
    return i;
}

static void put_fields(size_t at, mp_t args, buf_t *out)
{
    for (uint32_t i = 0; i < events[at].count; i++) {
        mp_t value;
        buf_append_byte(out, i == 0 ? '{' : ',');
        json_put_str(out, str_of(events[at].fields[i]));
        buf_append_byte(out, ':');
        if (mp_at(args, i, &value))
            json_from_mp(out, value, NULL);
        else
            buf_append_cstr(out, "null");
    }
    buf_append_byte(out, '}');
}

/* Of an event that is known the argument behind the last one is its number. */
static void put_number(size_t at, mp_t args, buf_t *out)
{
    mp_t value;
    str_t number;
    if (!mp_at(args, events[at].count, &value) || !mp_read_str(&value, &number))
        return;
    buf_append_byte(out, '.');
    buf_append_str(out, number);
    buf_append_byte(out, '\n');
}

/* JSON has no line ends, so data is one line. Names are ours. */
void sse_put_event(str_t name, mp_t args, buf_t *out)
{
    size_t at = find_event(name);
    if (at < EVENT_COUNT)
        put_number(at, args, out);
    buf_append_cstr(out, "event: ");
    buf_append_str(out, name);
    buf_append_cstr(out, "\ndata: ");
    if (at < EVENT_COUNT)
        put_fields(at, args, out);
    else
        json_from_mp(out, args, NULL);
    buf_append_cstr(out, "\n\n");
}

bool sse_is_numbered(str_t text)
{
    return text.len > 0 && text.p[0] == '.';
}

void sse_split_id(str_t id, str_t *secret, str_t *number)
{
    const char *dot = id.len > 0 ? memchr(id.p, '.', id.len) : NULL;
    *secret = (str_t){id.p, dot ? (size_t)(dot - id.p) : id.len};
    *number = dot ? (str_t){dot + 1, id.len - secret->len - 1} : (str_t){"", 0};
}
