/* SPDX-License-Identifier: MIT */
/* Input: pattern, line feed, id. The matcher agrees with a table of all prefixes; a repaired id is
 * valid and needs no second repair. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "bus/pattern.h"

#define SHORT 64

/* reachable[j]: whether the pattern so far matches the first j bytes of the id. */
static bool matches(str_t pattern, str_t id)
{
    bool reachable[SHORT + 1] = {true};
    for (size_t i = 0; i < pattern.len; i++) {
        bool star = pattern.p[i] == '*';
        for (size_t j = 1; star && j <= id.len; j++)
            reachable[j] = reachable[j] || reachable[j - 1];
        for (size_t j = id.len; !star && j > 0; j--)
            reachable[j] = reachable[j - 1] && id.p[j - 1] == pattern.p[i];
        if (!star)
            reachable[0] = false;
    }
    return reachable[id.len];
}

static void check_id(str_t id)
{
    buf_t once, twice;
    buf_init(&once);
    buf_init(&twice);
    bool changed = id_fix(&once, id);
    bool again = id_fix(&twice, buf_str(&once));
    assert(changed == !str_eq(buf_str(&once), id));
    assert(!again && str_eq(buf_str(&once), buf_str(&twice)));
    assert(pattern_valid(buf_str(&once)));
    (void)changed;
    (void)again;
    buf_fini(&twice);
    buf_fini(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    if (!line)
        return 0;
    err_t err;
    str_t text = {(const char *)data, (size_t)(line - data)};
    str_t id = {(const char *)line + 1, size - text.len - 1};
    check_id(id);
    pattern_t *pattern = pattern_new(text, &err);
    if (!pattern) {
        assert(err == ERR_TOO_LARGE);
        return 0;
    }
    bool match = pattern_match(pattern, id);
    if (text.len <= SHORT && id.len <= SHORT)
        assert(match == matches(text, id));
    if (match)
        assert(str_eq((str_t){id.p, pattern_prefix(pattern).len}, pattern_prefix(pattern)));
    if (pattern_kind(pattern) == PATTERN_EXACT)
        assert(match == str_eq(text, id));
    pattern_destroy(&pattern);
    return 0;
}
