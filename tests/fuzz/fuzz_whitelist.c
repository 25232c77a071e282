/* SPDX-License-Identifier: MIT */
/* Any text is a white list or is refused with one line; whoever is found has a user id, and an
 * address and its form within IPv6 are the same. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/whitelist.h"

static const char *user_at(const whitelist_t *list, str_t address)
{
    const whitelist_entry_t *entry = whitelist_at(list, address);
    return entry ? whitelist_entry_user(entry) : NULL;
}

static void check_user(const whitelist_t *list, const char *v4)
{
    buf_t mapped = {0};
    const char *user = user_at(list, str_of(v4));
    buf_printf(&mapped, "::ffff:%s", v4);
    assert(user == user_at(list, buf_str(&mapped)));
    assert(!user || strncmp(user, "system.user.", 12) == 0);
    buf_fini(&mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buf_t why = {0};
    char *text = str_dup((str_t){(const char *)data, size});
    const char *items[] = {text, "default=guest"};
    assert(text);
    whitelist_t *list = whitelist_new(items, 2, &why);
    assert((list == NULL) == (why.len > 0));
    if (list) {
        check_user(list, "192.168.1.5");
        check_user(list, "127.0.0.1");
        assert(whitelist_find(list, &(cidr_addr_t){.bytes = {0xfd}}));
    }
    whitelist_destroy(&list);
    buf_fini(&why);
    free(text);
    return 0;
}
