/* SPDX-License-Identifier: MIT */
/* What a head says about who it is: bounded, never longer than the head, free of NULs, no session
 * without the form of a signature, and what decides stands before what does not decide from a
 * browser. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "gateway/credentials.h"

static void check_one(const credential_t *item, size_t size)
{
    assert(item->text.len > 0 && item->text.len <= size && item->password.len <= size);
    assert(!memchr(item->text.data, 0, item->text.len));
    assert(item->password.len == 0 || !memchr(item->password.data, 0, item->password.len));
    assert(item->kind == CREDENTIAL_PASSWORD || item->password.len == 0);
    assert(item->kind != CREDENTIAL_SESSION || str_starts(buf_str(&item->text), "s:"));
    assert(!item->cookie || !item->decides);
}

static void check_all(const credentials_t *all, size_t size)
{
    bool cookies = false;
    assert(all->count <= CREDENTIALS_MAX);
    for (size_t i = 0; i < all->count; i++) {
        check_one(&all->items[i], size);
        assert(!cookies || all->items[i].cookie);
        cookies = all->items[i].cookie;
    }
}

/* The bytes behind the head are what a client says when it enters. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t text = {(const char *)data, size};
    http_head_t head;
    credentials_t all;
    size_t n = http_head_length(text);
    if (n == 0 || http_head_parse((str_t){text.p, n}, &head) != 0)
        return 0;
    credentials_read(&head, &all);
    check_all(&all, size);
    mp_t auth = mp_of(data + n, size - n);
    if (mp_check(auth, true) == ERR_OK)
        credentials_add_auth(&all, auth);
    check_all(&all, size);
    credentials_fini(&all);
    return 0;
}
