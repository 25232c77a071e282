/* SPDX-License-Identifier: MIT */
/* Input: list of networks, line feed, address. What is printed parses to the same address; a
 * network contains its own base; the matcher agrees with a comparison bit by bit. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "bus/cidr.h"

static bool bit(const cidr_addr_t *address, unsigned at)
{
    return (address->bytes[at / 8] >> (7 - at % 8) & 1) != 0;
}

static bool matches(const cidr_t *net, const cidr_addr_t *address)
{
    bool v4 = net->bits >= 96 && cidr_addr_is_v4(&net->base);
    for (unsigned i = 0; i < net->bits; i++) {
        if (bit(&net->base, i) != bit(address, i))
            return false;
    }
    return v4 == cidr_addr_is_v4(address);
}

static void check_print(const cidr_addr_t *address)
{
    buf_t text = {0};
    cidr_addr_t again;
    cidr_addr_print(&text, address);
    bool parsed = cidr_addr_parse(&again, buf_str(&text));
    assert(parsed && memcmp(&again, address, sizeof again) == 0);
    (void)parsed;
    buf_fini(&text);
}

static void check_list(const cidr_list_t *list, const cidr_addr_t *address)
{
    cidr_addr_t inner[CIDR_EMBEDDED_MAX];
    bool found = false;
    size_t len = cidr_embedded(address, inner);
    for (size_t i = 0; i < len; i++)
        assert(cidr_addr_is_v4(&inner[i]) && !cidr_addr_is_v4(address));
    for (size_t i = 0; i < list->len; i++) {
        bool inside = cidr_contains(&list->items[i], address);
        assert(inside == matches(&list->items[i], address));
        found = found || inside;
    }
    assert(found == cidr_list_contains(list, address));
    assert(!found || cidr_list_reaches(list, address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    if (!line)
        return 0;
    str_t networks = {(const char *)data, (size_t)(line - data)};
    str_t text = {(const char *)line + 1, size - networks.len - 1};
    str_t bad = {NULL, 0};
    cidr_list_t list;
    cidr_addr_t address;
    if (!cidr_list_parse(&list, networks, &bad)) {
        assert(bad.len > 0 && bad.p >= networks.p && list.len == 0);
        return 0;
    }
    for (size_t i = 0; i < list.len; i++) {
        assert(list.items[i].bits <= 128);
        check_print(&list.items[i].base);
        if (list.items[i].bits >= 96 || !cidr_addr_is_v4(&list.items[i].base))
            assert(cidr_contains(&list.items[i], &list.items[i].base));
    }
    if (cidr_addr_parse(&address, text)) {
        check_print(&address);
        check_list(&list, &address);
    }
    cidr_list_fini(&list);
    return 0;
}
