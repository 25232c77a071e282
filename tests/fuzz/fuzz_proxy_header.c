/* SPDX-License-Identifier: MIT */
/* What a PROXY header says does not depend on how it is cut, and its length lies within the bytes;
 * of X-Forwarded-For the client is the sender or stands in the header, and nobody is found behind
 * somebody who is not trusted. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "gateway/origin.h"
#include "gateway/proxy_header.h"

static void check_v2(str_t data)
{
    proxy_v2_t whole, part;
    proxy_v2_result_t result = proxy_v2_parse(data, &whole);
    assert(result != PROXY_V2_DONE || (whole.length >= 16 && whole.length <= data.len));
    for (size_t n = 0; n < data.len && n < 300; n++) {
        proxy_v2_result_t early = proxy_v2_parse((str_t){data.p, n}, &part);
        assert(early == PROXY_V2_MORE || early == result);
        assert(early != PROXY_V2_DONE || memcmp(&part, &whole, sizeof part) == 0);
    }
}

static void check_forwarded(const http_head_t *head)
{
    cidr_list_t trusted, nobody = {0};
    cidr_addr_t sender, client;
    bool fine = cidr_list_parse(&trusted, STR_LIT("10.0.0.0/8"), NULL) &&
                cidr_addr_parse(&sender, STR_LIT("10.0.0.1"));
    assert(fine);
    client = sender;
    proxy_forwarded_for(head, &nobody, &client);
    assert(memcmp(&client, &sender, sizeof client) == 0);
    proxy_forwarded_for(head, &trusted, &client);
    if (http_head_get(head, "x-forwarded-for").len == 0)
        assert(cidr_list_contains(&trusted, &client) || head->header_count > 1);
    (void)proxy_forwarded_secure(head);
    cidr_list_fini(&trusted);
}

/* ".example.com", in any case, and perhaps the port that https means anyway. */
static bool ends_with_domain(str_t origin)
{
    static const char *const ends[] = {".example.com", ".example.com:443"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t n = strlen(ends[i]);
        if (origin.len > n && strncasecmp(origin.p + origin.len - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

static void check_origin(const http_head_t *head)
{
    static const char *const items[] = {"https://*.example.com"};
    buf_t why = {0};
    origins_t *origins = origins_new(items, 1, &why);
    str_t origin = http_head_get(head, "origin"), host = proxy_forwarded_host(head);
    assert(origins);
    assert(!origins_allow(origins, origin) || ends_with_domain(origin));
    if (host.len == 0)
        host = http_head_get(head, "host");
    assert(!origin_is_same(origin, host, true) || origin_is_same(origin, host, false));
    origins_destroy(&origins);
    buf_fini(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t text = {(const char *)data, size};
    http_head_t head;
    check_v2(text);
    size_t n = http_head_length(text);
    if (n == 0 || http_head_parse((str_t){text.p, n}, &head) != 0)
        return 0;
    check_forwarded(&head);
    check_origin(&head);
    return 0;
}
