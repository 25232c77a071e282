/* SPDX-License-Identifier: MIT */
#include "actors/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "bus/tree.h"

static err_t collect(void *arg, str_t id, mp_t object)
{
    json_t *all = arg;
    assert_null(json_object_getn(all, id.p, id.len));
    json_t *tree = tree_from_mp(object);
    assert_non_null(tree);
    return json_object_setn_new(all, id.p, id.len, tree) == 0 ? ERR_OK : ERR_NO_MEMORY;
}

static json_t *seeded(const char *listen, bool auth)
{
    seed_t seed = {"box", "socketio.0", "admin", "8.0.1", listen, "5ec7e7", auth, 1700000000000};
    json_t *all = json_object();
    assert_int_equal(seed_write(&seed, collect, all), ERR_OK);
    return all;
}

static void check_text(json_t *all, const char *id, const char *part, const char *key,
                       const char *want)
{
    const char *text = json_string_value(tree_path(all, id, part, key, NULL));
    assert_non_null(text);
    assert_string_equal(text, want);
}

/* Usage: every object that clients look for is handed out, complete. */
static void test_every_object_is_complete(void **state)
{
    (void)state;
    json_t *all = seeded("127.0.0.1:8084", false);
    static const char *const ids[] = {"_design/system",
                                      "_design/custom",
                                      "system.certificates",
                                      "system.repositories",
                                      "enum.rooms",
                                      "enum.functions",
                                      "system.group.administrator",
                                      "system.group.user",
                                      "system.config",
                                      "system.user.admin",
                                      "0_userdata.0",
                                      "vis.0",
                                      "system.host.box",
                                      "system.host.box.alive",
                                      "system.adapter.socketio.0",
                                      "system.adapter.socketio.0.alive",
                                      "system.adapter.socketio.0.connected",
                                      "system.adapter.socketio.0.uptime",
                                      "system.adapter.socketio.0.memRss",
                                      "system.adapter.socketio.0.inputCount",
                                      "system.adapter.socketio.0.outputCount",
                                      "socketio.0",
                                      "socketio.0.info",
                                      "socketio.0.info.connection",
                                      "socketio.0.info.connected"};
    assert_int_equal(json_object_size(all), sizeof ids / sizeof ids[0]);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        json_t *object = json_object_get(all, ids[i]);
        assert_non_null(object);
        assert_string_equal(json_string_value(json_object_get(object, "_id")), ids[i]);
        assert_string_equal(json_string_value(json_object_get(object, "from")), "system.host.box");
        assert_true(json_is_integer(json_object_get(object, "ts")));
        assert_true(json_is_integer(tree_path(object, "acl", "object", NULL)));
        bool is_state = strcmp(json_string_value(json_object_get(object, "type")), "state") == 0;
        assert_int_equal(is_state, tree_path(object, "acl", "state", NULL) != NULL);
    }
    json_decref(all);
}

static void test_settings(void **state)
{
    (void)state;
    json_t *all = seeded("127.0.0.1:8084", false);
    check_text(all, "system.config", "common", "language", "en");
    check_text(all, "system.config", "common", "tempUnit", "\u00b0C");
    check_text(all, "system.config", "common", "currency", "\u20ac");
    check_text(all, "system.config", "common", "dateFormat", "DD.MM.YYYY");
    check_text(all, "system.config", "native", "secret", "5ec7e7");
    json_decref(all);
}

static void test_instance_shows_the_listener(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *bind;
        int port;
    } rows[] = {
        {"127.0.0.1:8084", "127.0.0.1", 8084},
        {"0.0.0.0:80,auth=on,instance=x:1", "0.0.0.0", 80},
        {"[::1]:8085", "::1", 8085},
        {"", "", 0},
        {"host", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *all = seeded(rows[i].listen, i == 1);
        json_t *native = tree_path(all, "system.adapter.socketio.0", "native", NULL);
        assert_string_equal(json_string_value(json_object_get(native, "bind")), rows[i].bind);
        assert_int_equal(json_integer_value(json_object_get(native, "port")), rows[i].port);
        assert_int_equal(json_is_true(json_object_get(native, "auth")), i == 1);
        check_text(all, "system.adapter.socketio.0", "common", "name", "socketio");
        json_decref(all);
    }
}

static void test_designs_name_the_views(void **state)
{
    (void)state;
    json_t *all = seeded("a:1", false);
    json_t *views = tree_path(all, "_design/system", "views", NULL);
    static const char *const names[] = {"host",  "instance", "instanceStats", "state",
                                        "group", "custom",   "custom-full",   "chart"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(json_is_string(tree_path(views, names[i], "map", NULL)));
    assert_string_equal(json_string_value(tree_path(views, "instanceStats", "reduce", NULL)),
                        "_stats");
    assert_string_equal(json_string_value(tree_path(views, "user", "map", NULL)),
                        "function (doc) { if (doc.type === 'user') emit(doc.common.name, doc); }");
    assert_non_null(tree_path(all, "_design/custom", "views", "state", NULL));
    json_decref(all);
}

static err_t refuse(void *arg, str_t id, mp_t object)
{
    (void)id;
    (void)object;
    return ++*(int *)arg == 3 ? ERR_READ_ONLY : ERR_OK;
}

static void test_an_error_ends_it(void **state)
{
    (void)state;
    int calls = 0;
    seed_t seed = {"box", "socketio.0", "admin", "8.0.1", "a:1", "x", false, 0};
    assert_int_equal(seed_write(&seed, refuse, &calls), ERR_READ_ONLY);
    assert_int_equal(calls, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_object_is_complete),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_instance_shows_the_listener),
        cmocka_unit_test(test_designs_name_the_views),
        cmocka_unit_test(test_an_error_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
