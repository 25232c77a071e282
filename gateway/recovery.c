/* SPDX-License-Identifier: MIT */
#include "gateway/recovery.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/sock.h"
#include "gateway/map.h"
#include "gateway/session.h"

#define EXPIRE_S 5.0

/* An event; the references to its frames follow, then its id and acl. */
typedef struct kept {
    struct kept *next;
    uint64_t number;
    uint64_t seq; /* of its feed */
    int64_t at_ms;
    subs_kind_t kind;
    str_t id;  /* behind the frames */
    str_t acl; /* behind the id */
    size_t bytes;
    size_t count;
    frame_t *frames[];
} kept_t;

struct recovery_ticket {
    recovery_t *recovery;
    session_t *session;
    uint64_t start;
    int64_t parked_ms;
    bool parked;
    recovery_ticket_t *prev, *next; /* of the parked ones, oldest first */
    char pid[RECOVERY_PID_LEN + 1];
};

struct recovery {
    struct ev_loop *loop;
    ev_timer expire;
    recovery_bounds_t bounds;
    uint64_t number;  /* of the last event */
    uint64_t dropped; /* of the last event that has gone */
    kept_t *first, *last;
    size_t bytes;
    map_t *tickets; /* pid -> recovery_ticket_t */
    recovery_ticket_t *oldest, *newest;
    size_t parked;
};

/* --- events --------------------------------------------------------------------------------------
 */

uint64_t recovery_number(recovery_t *self)
{
    return ++self->number;
}

void recovery_put_number(uint64_t number, char text[RECOVERY_OFFSET_MAX])
{
    snprintf(text, RECOVERY_OFFSET_MAX, "%llx", (unsigned long long)number);
}

bool recovery_read_number(str_t text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f'))
            return false;
        *out = *out << 4 | (unsigned)(digit ? c - '0' : c - 'a' + 10);
    }
    return text.len > 0 && text.len <= 16;
}

static void drop_first(recovery_t *self)
{
    kept_t *kept = self->first;
    self->first = kept->next;
    if (!self->first)
        self->last = NULL;
    self->bytes -= kept->bytes;
    self->dropped = kept->number;
    for (size_t i = 0; i < kept->count; i++)
        frame_put(&kept->frames[i]);
    free(kept);
}

static str_t copy_text(char *to, const void *from, size_t len)
{
    if (len > 0)
        memcpy(to, from, len);
    return (str_t){to, len};
}

static kept_t *kept_new(subs_kind_t kind, str_t id, mp_t acl, frame_t *const *frames, size_t count)
{
    size_t list = count * sizeof(frame_t *), acl_len = (size_t)(acl.end - acl.p);
    kept_t *self = malloc(sizeof *self + list + id.len + acl_len);
    assert(self);
    char *behind = (char *)self->frames + list;
    *self = (kept_t){.at_ms = sock_mono_ms(), .kind = kind, .count = count};
    self->id = copy_text(behind, id.p, id.len);
    self->acl = copy_text(behind + id.len, acl.p, acl_len);
    self->bytes = sizeof *self + list + id.len + acl_len;
    for (size_t i = 0; i < count; i++) {
        self->frames[i] = frame_ref(frames[i]);
        self->bytes += frame_wire(frames[i]).len;
    }
    return self;
}

void recovery_keep(recovery_t *self, uint64_t number, subs_kind_t kind, str_t id, uint64_t seq,
                   mp_t acl, frame_t *const *frames, size_t count)
{
    kept_t *kept = kept_new(kind, id, acl, frames, count);
    kept->number = number;
    kept->seq = seq;
    *(self->last ? &self->last->next : &self->first) = kept;
    self->last = kept;
    self->bytes += kept->bytes;
    while (self->first && self->bytes > self->bounds.events)
        drop_first(self);
}

void recovery_forget(recovery_t *self)
{
    while (self->first)
        drop_first(self);
    self->dropped = self->number;
}

bool recovery_covers(const recovery_t *self, uint64_t number)
{
    return number >= self->dropped && number <= self->number;
}

typedef struct {
    const kept_t *kept;
    recovery_each_fn *each;
    void *arg;
} replay_t;

static void hit(void *arg, void *owner)
{
    replay_t *replay = arg;
    const kept_t *kept = replay->kept;
    (void)owner;
    for (size_t i = 0; i < kept->count; i++)
        replay->each(replay->arg, kept->kind, mp_of(kept->acl.p, kept->acl.len), kept->frames[i]);
}

/* The client's patterns go into an index of their own: the common one would find all clients for
 * each event. */
void recovery_replay(const recovery_t *self, uint64_t number, const subs_client_t *client,
                     recovery_each_fn *each, void *arg)
{
    replay_t replay = {.each = each, .arg = arg};
    subs_t *subs = subs_new(subs_client_count(client));
    subs_client_t *copy = subs_client_new(subs, NULL);
    subs_client_copy(client, copy);
    for (replay.kept = self->first; replay.kept; replay.kept = replay.kept->next) {
        const kept_t *kept = replay.kept;
        if (kept->number > number)
            subs_match(subs, kept->kind, kept->id, kept->seq, hit, &replay);
    }
    subs_client_destroy(&copy);
    subs_destroy(&subs);
}

/* --- sessions ------------------------------------------------------------------------------------
 */

static void unpark(recovery_ticket_t *ticket)
{
    recovery_t *self = ticket->recovery;
    if (!ticket->parked)
        return;
    *(ticket->prev ? &ticket->prev->next : &self->oldest) = ticket->next;
    *(ticket->next ? &ticket->next->prev : &self->newest) = ticket->prev;
    ticket->prev = ticket->next = NULL;
    ticket->parked = false;
    self->parked--;
}

static void make_pid(recovery_ticket_t *ticket)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[RECOVERY_PID_LEN];
    do {
        int ok = RAND_bytes(bytes, sizeof bytes);
        assert(ok == 1);
        (void)ok;
        for (size_t i = 0; i < RECOVERY_PID_LEN; i++)
            ticket->pid[i] = digits[bytes[i] & 63];
    } while (recovery_find(ticket->recovery, (str_t){ticket->pid, RECOVERY_PID_LEN}));
}

recovery_ticket_t *recovery_open(recovery_t *self, session_t *session)
{
    recovery_ticket_t *ticket = calloc(1, sizeof *ticket);
    assert(ticket);
    *ticket = (recovery_ticket_t){.recovery = self, .session = session, .start = self->number};
    make_pid(ticket);
    map_put(self->tickets, (str_t){ticket->pid, RECOVERY_PID_LEN}, ticket);
    return ticket;
}

void recovery_close(recovery_ticket_t **self_p)
{
    recovery_ticket_t *self = *self_p;
    if (!self)
        return;
    unpark(self);
    map_remove(self->recovery->tickets, (str_t){self->pid, RECOVERY_PID_LEN});
    free(self);
    *self_p = NULL;
}

const char *recovery_pid(const recovery_ticket_t *self)
{
    return self->pid;
}

uint64_t recovery_start(const recovery_ticket_t *self)
{
    return self->start;
}

void recovery_move(recovery_ticket_t *self, session_t *session)
{
    unpark(self);
    self->session = session;
}

/* Its session closes the ticket. */
static void drop_oldest(recovery_t *self)
{
    session_t *session = self->oldest->session;
    session_destroy(&session);
}

void recovery_park(recovery_ticket_t *ticket)
{
    recovery_t *self = ticket->recovery;
    ticket->parked = true;
    ticket->parked_ms = sock_mono_ms();
    ticket->prev = self->newest;
    *(self->newest ? &self->newest->next : &self->oldest) = ticket;
    self->newest = ticket;
    if (++self->parked > self->bounds.sessions)
        drop_oldest(self);
}

session_t *recovery_find(const recovery_t *self, str_t pid)
{
    recovery_ticket_t *ticket = map_get(self->tickets, pid);
    return ticket ? ticket->session : NULL;
}

/* --- life ----------------------------------------------------------------------------------------
 */

static void on_expire(struct ev_loop *loop, ev_timer *timer, int events)
{
    recovery_t *self = timer->data;
    int64_t before = sock_mono_ms() - self->bounds.keep_ms;
    (void)loop;
    (void)events;
    while (self->first && self->first->at_ms < before)
        drop_first(self);
    while (self->oldest && self->oldest->parked_ms < before)
        drop_oldest(self);
}

recovery_t *recovery_new(struct ev_loop *loop, const recovery_bounds_t *bounds)
{
    recovery_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (recovery_t){.loop = loop, .bounds = *bounds, .tickets = map_new()};
    ev_timer_init(&self->expire, on_expire, EXPIRE_S, EXPIRE_S);
    self->expire.data = self;
    ev_timer_start(loop, &self->expire);
    return self;
}

void recovery_destroy(recovery_t **self_p)
{
    recovery_t *self = *self_p;
    if (!self)
        return;
    ev_timer_stop(self->loop, &self->expire);
    while (self->oldest)
        drop_oldest(self);
    while (self->first)
        drop_first(self);
    assert(map_len(self->tickets) == 0);
    map_destroy(&self->tickets);
    free(self);
    *self_p = NULL;
}
