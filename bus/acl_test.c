/* SPDX-License-Identifier: MIT */
#include "bus/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static mp_t value_of(buf_t *buf, const char *json)
{
    buf_reset(buf);
    assert_int_equal(json_to_mp(buf, str_of(json)), ERR_OK);
    return mp_of_buf(buf);
}

/* anna belongs to the group of this name. */
static bool is_member(const void *arg, str_t group)
{
    return str_is(group, arg);
}

static bool allows(const char *json, const char *field, acl_right_t right)
{
    buf_t buf = {0};
    bool allowed =
        acl_allows(value_of(&buf, json), field, right, STR_LIT("anna"), is_member, "people");
    buf_fini(&buf);
    return allowed;
}

/* Usage: exactly one digit decides; 1604 is 0x644, 1632 0x660, 102 0x066. */
static void one_class_decides(void **state)
{
    static const struct {
        const char *acl, *field;
        bool read, write;
    } rows[] = {
        {"{\"owner\":\"anna\",\"object\":1604}", "object", true, true},
        {"{\"owner\":\"bob\",\"ownerGroup\":\"people\",\"object\":1604}", "object", true, false},
        {"{\"owner\":\"bob\",\"ownerGroup\":\"others\",\"object\":1632}", "object", false, false},
        {"{\"owner\":\"anna\",\"ownerGroup\":\"people\",\"object\":102}", "object", false, false},
        {"{\"owner\":\"bob\",\"ownerGroup\":\"people\",\"object\":102}", "object", true, true},
        {"{\"ownerGroup\":\"people\",\"object\":0,\"state\":96}", "state", true, true},
        {"{\"ownerGroup\":\"people\",\"object\":64}", "state", true, false},
        {"{\"ownerGroup\":\"people\",\"object\":64,\"state\":\"x\"}", "state", true, false},
        {"{\"permissions\":4}", "permissions", true, false},
        {"{\"object\":0}", "permissions", true, true},
        {"{}", "object", true, true},
        {"[]", "state", true, true},
        {"{\"object\":-1}", "object", false, false},
        {"{\"object\":1e300}", "object", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (allows(rows[i].acl, rows[i].field, ACL_READ) != rows[i].read ||
            allows(rows[i].acl, rows[i].field, ACL_WRITE) != rows[i].write)
            fail_msg("%s of %s", rows[i].field, rows[i].acl);
    }
}

static void what_decides_is_kept(void **state)
{
    static const char *const rows[][2] = {
        {"{\"junk\":[1,2],\"state\":1636,\"owner\":\"a\",\"object\":4,\"ownerGroup\":\"b\"}",
         "{\"owner\":\"a\",\"ownerGroup\":\"b\",\"object\":4,\"state\":1636}"},
        {"{\"owner\":5,\"permissions\":1604.5,\"object\":\"4\"}", "{\"permissions\":1604}"},
        {"{\"object\":4,\"state\":null}", "{\"object\":4,\"state\":4}"}, /* means the same */
        {"{}", "{}"},
        {"\"text\"", "{}"},
    };
    buf_t given = {0}, kept = {0}, json = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_reset(&kept);
        buf_reset(&json);
        acl_put(&kept, value_of(&given, rows[i][0]));
        json_from_mp(&json, mp_of_buf(&kept), NULL);
        if (!str_is(buf_str(&json), rows[i][1]))
            fail_msg("%s became %.*s", rows[i][0], STR_ARG(buf_str(&json)));
    }
    buf_fini(&given);
    buf_fini(&kept);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_class_decides),
        cmocka_unit_test(what_decides_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
