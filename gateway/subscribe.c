/* SPDX-License-Identifier: MIT */
/* The commands that subscribe and unsubscribe. A subscription is in effect when it is acknowledged,
 * and shows what happens from then on: events that were caused before, and are still under way, do
 * not count. */
#include <stdlib.h>

#include "bus/log.h"
#include "gateway/local.h"

static const feed_t feed_of[SUBS_KINDS] = {[SUBS_STATES] = FEED_STATES,
                                           [SUBS_OBJECTS] = FEED_OBJECTS,
                                           [SUBS_FILES] = FEED_FILES,
                                           [SUBS_LOG] = FEED_LOG};

static void answer_nil(const invocation_t *invocation)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_nil(&args);
    command_answer(invocation, mp_of_buf(&args));
    buf_fini(&args);
}

/* --- patterns ------------------------------------------------------------------------------------
 */

/* What is done with each pattern of an argument. */
typedef void each_fn(session_t *session, subs_kind_t kind, str_t pattern);

static void add(session_t *session, subs_kind_t kind, str_t pattern)
{
    static log_limit_t limit;
    err_t err =
        subs_add(session_subs(session), kind, pattern, session_core(session)->seen[feed_of[kind]]);
    if (err != ERR_OK)
        log_limited(&limit, LEVEL_WARN, "GW-PATTERN", "client=%s error=%s", session_client(session),
                    err == ERR_BUSY ? "TOO_MANY" : err_name(err));
}

static void removed(session_t *session, subs_kind_t kind, str_t pattern)
{
    (void)subs_remove(session_subs(session), kind, pattern);
}

/* null, "", 0 and false are no patterns. */
static bool is_empty(mp_t value)
{
    bool flag;
    double number;
    str_t text;
    if (mp_read_bool(&value, &flag))
        return !flag;
    if (mp_read_double(&value, &number))
        return number == 0;
    if (mp_read_str(&value, &text))
        return text.len == 0;
    return mp_type(value) == MP_NIL || mp_type(value) == MP_NONE;
}

static void apply(session_t *session, subs_kind_t kind, str_t prefix, mp_t value, each_fn *each)
{
    static log_limit_t limit;
    buf_t pattern = {0};
    if (is_empty(value)) {
        log_limited(&limit, LEVEL_INFO, "GW-PATTERN-EMPTY", "client=%s", session_client(session));
        return;
    }
    buf_append_str(&pattern, prefix);
    local_to_text(value, &pattern);
    each(session, kind, buf_str(&pattern));
    buf_fini(&pattern);
}

/* One pattern, or a list of them. */
static void apply_all(session_t *session, subs_kind_t kind, str_t prefix, mp_t value, each_fn *each)
{
    uint32_t count;
    if (!mp_read_array(&value, &count)) {
        apply(session, kind, prefix, value, each);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        mp_t item;
        if (!mp_next(&value, &item))
            return;
        apply(session, kind, prefix, item, each);
    }
}

/* --- aliases -------------------------------------------------------------------------------------
 */

/* Whether a value is the id of one alias: the original only follows it if it exists already. */
static bool is_alias_id(mp_t value)
{
    str_t text;
    if (!mp_read_str(&value, &text) || !str_starts(text, "alias."))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '*')
            return false;
    }
    return true;
}

/* Appends the alias ids of the argument; returns how many. */
static uint32_t collect_aliases(mp_t value, buf_t *out)
{
    uint32_t count = 1, found = 0;
    bool list = mp_read_array(&value, &count);
    for (uint32_t i = 0; i < count; i++) {
        mp_t item = value;
        if (list && !mp_next(&value, &item))
            break;
        if (!is_alias_id(item))
            continue;
        mp_put_raw(out, item);
        found++;
    }
    return found;
}

static void add_others(session_t *session, subs_kind_t kind, str_t pattern)
{
    buf_t value = {0};
    mp_put_str(&value, pattern);
    if (!is_alias_id(mp_of_buf(&value)))
        add(session, kind, pattern);
    buf_fini(&value);
}

/* body: [nil, [object | nil ...]], in the order of the ids that were asked for. */
static void add_aliases(session_t *session, mp_t ids, mp_t body)
{
    mp_t objects, object, id, target;
    uint32_t count;
    str_t text;
    if (!mp_at(body, 1, &objects) || !mp_read_array(&objects, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&objects, &object) || !mp_next(&ids, &id) || !mp_read_str(&id, &text))
            return;
        if (mp_path(object, &target, "common", "alias", "id", NULL))
            add(session, SUBS_STATES, text);
    }
}

static void free_ids(void *data)
{
    buf_fini(data);
    free(data);
}

static void take_objects(void *arg, err_t status, uint64_t seq, mp_t body)
{
    call_t *call = arg;
    buf_t args = {0};
    (void)seq;
    session_core(call->session)->commands[call->row].ok++;
    if (status == ERR_OK)
        add_aliases(call->session, mp_of_buf(call->data), body);
    mp_put_array(&args, 1);
    mp_put_nil(&args);
    call_answer(&call, mp_of_buf(&args));
    buf_fini(&args);
}

static void ask_aliases(const invocation_t *invocation, buf_t *ids, uint32_t count)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, count);
    mp_put_raw(&args, mp_of_buf(ids));
    call_t *call =
        command_ask_system(invocation, "objects", "objects.get", mp_of_buf(&args), take_objects);
    buf_fini(&args);
    if (!call)
        return;
    buf_t *kept = malloc(sizeof *kept);
    if (!kept)
        abort();
    *kept = *ids;
    *ids = (buf_t){0};
    call->data = kept;
    call->free_data = free_ids;
}

/* --- commands ------------------------------------------------------------------------------------
 */

void subscribe_on_states(const invocation_t *invocation)
{
    mp_t value = command_arg(invocation, 0);
    buf_t ids = {0};
    apply_all(invocation->session, SUBS_STATES, (str_t){"", 0}, value, add_others);
    uint32_t aliases = collect_aliases(value, &ids);
    if (aliases > 0)
        ask_aliases(invocation, &ids, aliases);
    else
        answer_nil(invocation);
    buf_fini(&ids);
}

void unsubscribe_on_states(const invocation_t *invocation)
{
    mp_t value = command_arg(invocation, 0);
    apply_all(invocation->session, SUBS_STATES, (str_t){"", 0}, value, removed);
    answer_nil(invocation);
}

void subscribe_on_objects(const invocation_t *invocation)
{
    mp_t value = command_arg(invocation, 0);
    apply_all(invocation->session, SUBS_OBJECTS, (str_t){"", 0}, value, add);
    answer_nil(invocation);
}

void unsubscribe_on_objects(const invocation_t *invocation)
{
    mp_t value = command_arg(invocation, 0);
    apply_all(invocation->session, SUBS_OBJECTS, (str_t){"", 0}, value, removed);
    answer_nil(invocation);
}

/* Files are found by "storage####path"; without a pattern all files of the storage count. */
static void apply_files(const invocation_t *invocation, each_fn *each)
{
    mp_t storage = command_arg(invocation, 0), pattern = command_arg(invocation, 1);
    buf_t prefix = {0};
    if (!is_empty(storage)) {
        local_to_text(storage, &prefix);
        buf_append_cstr(&prefix, "####");
        if (mp_type(pattern) == MP_NONE || mp_type(pattern) == MP_NIL) {
            buf_append_byte(&prefix, '*');
            each(invocation->session, SUBS_FILES, buf_str(&prefix));
        } else {
            apply_all(invocation->session, SUBS_FILES, buf_str(&prefix), pattern, each);
        }
    }
    buf_fini(&prefix);
    answer_nil(invocation);
}

void subscribe_on_files(const invocation_t *invocation)
{
    apply_files(invocation, add);
}

void unsubscribe_on_files(const invocation_t *invocation)
{
    apply_files(invocation, removed);
}

/* requireLog(on): log lines as events. */
void subscribe_on_requireLog(const invocation_t *invocation)
{
    each_fn *each = is_empty(command_arg(invocation, 0)) ? removed : add;
    each(invocation->session, SUBS_LOG, STR_LIT("log"));
    answer_nil(invocation);
}
