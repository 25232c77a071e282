/* SPDX-License-Identifier: MIT */
#include "actors/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/log.h"
#include "tests/unit/fake_env.h"

#define GUEST "system.user.guest"

static const char scan[] =
    "[null,[[\"system.user.guest\",{\"type\":\"user\",\"common\":{\"name\":\"guest\"}}],"
    "[\"system.group.guests\",{\"type\":\"group\",\"common\":{\"members\":[\"" GUEST "\"],"
    "\"acl\":{\"other\":{\"sendto\":true}}}}]],null]";
static const char hosts[] =
    "[null,{\"rows\":[{\"id\":\"x\",\"value\":null},{\"id\":\"system.host.attic\",\"value\":"
    "{\"_id\":\"system.host.attic\",\"common\":{\"hostname\":\"attic\"},\"native\":{\"hardware\":"
    "{\"networkInterfaces\":{\"eth0\":[{\"address\":\"10.0.0.7\"}]}}}}}]}]";
static const char instances[] =
    "[null,{\"rows\":[{\"id\":\"a\",\"value\":{\"_id\":\"system.adapter.vis.0\",\"common\":"
    "{\"name\":\"vis\",\"version\":\"1.5.0\",\"ignoreVersion\":\"1.6.0\",\"icon\":\"vis.png\","
    "\"enabled\":true,\"news\":{}}}}]}]";
static const char repositories[] =
    "[null,{\"_id\":\"system.repositories\",\"common\":{},\"native\":{\"repositories\":{\"stable\":"
    "{\"link\":\"http://x\",\"json\":{\"_repoInfo\":{\"stable\":true},\"vis\":{}}}}}}]";
static const char config_object[] =
    "[null,[{\"native\":{\"secret\":\"0123456789abcdef0123456789abcdef0123456789abcdef\"}}]]";
static const char files[] = "[null,[[\"iobus.2026-11-30.000001.log\",77]]]";

static const struct {
    const char *command, *part, *answer; /* part: of the arguments; NULL: any */
} answers[] = {
    {"objects.scan", NULL, scan},
    {"objects.get", NULL, "[null,[null,null,null,null,null,null,null,null,null]]"},
    {"objects.put", NULL, "[null,9]"},
    {"objects.peek", NULL, config_object},
    {"setState", NULL, "[null,\"x\"]"},
    {"getObjectView", "\"host\"", hosts},
    {"getObjectView", NULL, instances},
    {"getObject", NULL, repositories},
    {"log.files", NULL, files},
    {"log.clear", NULL, "[null]"},
};

static const char *answer_of(void *arg, const char *actor, const char *command, const char *args)
{
    (void)arg, (void)actor;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(command, answers[i].command) == 0 &&
            (!answers[i].part || strstr(args, answers[i].part)))
            return answers[i].answer;
    }
    return NULL;
}

static fake_env_t *open_host(const char *exec)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "host-name", STR_LIT("house"), &why), ERR_OK);
    assert_int_equal(config_set(config, "data", STR_LIT("/tmp"), &why), ERR_OK);
    assert_int_equal(config_set(config, "cmd-exec", str_of(exec), &why), ERR_OK);
    fake_env_set_peer(env, answer_of, NULL);
    fake_env_open(env, &host_actor, config);
    fake_env_advance(env, 1);
    (void)fake_env_asked(env);
    config_destroy(&config);
    return env;
}

/* The answer, at once or later. */
static const char *call(fake_env_t *env, const char *command, const char *args)
{
    const char *answer = fake_env_call(env, command, args);
    if (strcmp(answer, "PENDING") != 0)
        return answer;
    answer = fake_env_answer(env);
    return answer ? answer : "none";
}

static void assert_starts(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("\"%s\" does not start with \"%s\"", text, start);
}

static void test_usage(void **state)
{
    (void)state;
    fake_env_t *env = open_host("off");
    assert_starts(call(env, "host.message", "[\"getVersion\",null]"),
                  "[{\"name\":\"iobus\",\"title\":\"iobus\",\"version\":\"");
    fake_env_destroy(&env);
}

static void test_messages(void **state)
{
    static const struct {
        const char *args, *start;
    } rows[] = {
        {"[\"getHostInfoShort\"]", "[{\"Platform\":\"linux\""},
        {"[\"getHostInfo\",{}]", "[{\"Platform\":\"linux\""},
        {"[\"getInterfaces\"]", "[{\"result\":{"},
        {"[\"getLocationOnDisk\"]", "[{\"path\":\"/tmp\",\"platform\":\"linux\"}]"},
        {"[\"getDevList\"]", "[[\""},
        {"[\"getInstalled\"]", "[{\"hosts\":{\"house\":{"},
        {"[\"getInstalledAdapter\",\"vis\"]", "[null]"},
        {"[\"getRepository\"]", "[{}]"},
        {"[\"getNotifications\"]", "[{\"result\":{}}]"},
        {"[\"getLogFiles\"]", "[{\"list\":[{\"fileName\":\"log/house/file1/"
                              "iobus.2026-11-30.000001.log\",\"size\":77}]}]"},
        {"[\"getLogFile\"]", "[{\"error\":\"invalid config\"}]"},
        {"[\"getLogFile\",{\"transport\":\"file2\",\"filename\":\"x\"}]",
         "[{\"error\":\"invalid config\"}]"},
        {"[\"delLogs\"]", "[null]"},
        {"[\"upgradeController\"]", "[{\"error\":\"\\\"upgradeController\\\" is not available"},
        {"[\"shell\",\"id\"]", "[{\"error\":\"\\\"shell\\\" is not available"},
        {"[\"nonsense\"]", "[{\"error\":\"Unknown host command \\\"nonsense\\\"\"}]"},
        {"[5]", "[{\"error\":\"Unknown host command \\\"\\\"\"}]"},
        {"[null,null]", "[{\"error\":\"Unknown host command"},
        {"[\"cmdExec\",{\"id\":1,\"data\":\"id\"}]", "[{\"error\":\"Running commands is switched"},
        {"[\"cmdExec\",\"id\"]", "[{\"error\":\"no session ID\"}]"},
        {"[\"readDirAsZip\"]", "[{\"error\":\"Invalid id\"}]"},
        {"[\"writeDirAsZip\",{\"data\":\"\"}]", "[{\"error\":\"Invalid id\"}]"},
        {"[\"writeDirAsZip\",{\"id\":\"vis.0\",\"data\":5}]",
         "[{\"error\":\"The archive is damaged"},
        {"[\"readObjectsAsZip\",{\"id\":5}]", "[{\"error\":\"Invalid id\"}]"},
        {"[\"readObjectsAsZip\",{\"id\":\"a\",\"link\":\"x\"}]", "[{\"error\":\"Missing attribute"},
        {"[\"writeObjectsAsZip\",{}]", "[{\"error\":\"The archive is damaged"},
    };
    (void)state;
    fake_env_t *env = open_host("off");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_starts(call(env, "host.message", rows[i].args), rows[i].start);
    fake_env_destroy(&env);
}

/* Has other.sendto and nothing else. */
static void test_rights(void **state)
{
    static const char *const refused[] = {
        "getDiagData", "getLocationOnDisk", "getDevList",       "delLogs", "checkLogging",
        "cmdExec",     "writeDirAsZip",     "readObjectsAsZip", "shell",   "writeObjectsAsZip"};
    char args[64];
    (void)state;
    fake_env_t *env = open_host("on");
    fake_env_set_user(env, GUEST);
    assert_starts(call(env, "host.message", "[\"getVersion\"]"), "[{\"name\":");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        snprintf(args, sizeof args, "[\"%s\",{}]", refused[i]);
        assert_string_equal(call(env, "host.message", args), "[{\"error\":\"permissionError\"}]");
    }
    assert_string_equal(call(env, "cmdExec", "[\"house\",\"1\",\"id\"]"), "[\"permissionError\"]");
    assert_string_equal(call(env, "readLogs", "[\"house\"]"), "[\"permissionError\"]");
    assert_string_equal(call(env, "decrypt", "[\"x\"]"), "[\"permissionError\"]");
    fake_env_destroy(&env);
}

static void test_administrators_commands(void **state)
{
    static const struct {
        const char *command, *args, *answer;
    } rows[] = {
        {"getHostByIp", "[\"10.0.0.7\"]", "[\"10.0.0.7\",{\"_id\":\"system.host.attic\""},
        {"getHostByIp", "[\"attic\"]", "[\"attic\",{\"_id\":\"system.host.attic\""},
        {"getHostByIp", "[\"10.0.0.8\"]", "[\"10.0.0.8\",null]"},
        {"getHostByIp", "[]", "[\"Invalid address\"]"},
        {"getHostByIp", "[{}]", "[\"Invalid address\"]"},
        {"readLogs", "[\"system.host.house\"]",
         "[null,[{\"fileName\":\"log/house/file1/iobus.2026-11-30.000001.log\",\"size\":77}]]"},
        {"readLogs", "[\"attic\"]", "[\"This host does not exist\"]"},
        {"cmdExec", "[\"house\",\"1\",\"id\"]", "[\"Running commands is switched off"},
        {"cmdExec", "[\"house\",null,\"id\"]", "[\"no session ID\"]"},
        {"cmdExec", "[\"attic\",\"1\",\"id\"]", "[\"This host does not exist\"]"},
        {"cmdExec", "[\"house\",\"1\",\"id\",[{\"name\":\"x\"}]]", "[\"Files cannot be sent"},
        {"cmdExec", "[]", "[\"no session ID\"]"},
        {"eventsThreshold", "[true]", "[null]"},
        {"getRatings", "[]", "[null,{}]"},
        {"getCurrentInstance", "[]", "[null,\"socketio.0\"]"},
        {"getIsEasyModeStrict", "[]", "[null,false]"},
        {"getEasyMode", "[]", "[null,{\"strict\":false,\"configs\":[]}]"},
        {"getAdapters", "[\"vis\"]", "[null,[{\"_id\":\"system.adapter.vis.0\""},
        {"getAdapters", "[\"other\"]", "[null,[]]"},
        {"getAdapters", "[]", "[null,[{\"_id\":\"system.adapter.vis.0\""},
        {"updateLicenses", "[\"a\",\"b\"]", "[\"There are no licenses on this server\"]"},
        {"getCompactInstances", "[]",
         "[null,{\"system.adapter.vis.0\":{\"name\":\"vis\",\"icon\":\"vis.png\",\"enabled\":true,"
         "\"version\":\"1.5.0\"}}]"},
        {"getCompactAdapters", "[]",
         "[null,{\"vis\":{\"icon\":\"vis.png\",\"v\":\"1.5.0\",\"iv\":\"1.6.0\"}}]"},
        {"getCompactInstalled", "[\"house\"]", "[{}]"},
        {"getCompactRepository", "[\"house\"]", "[{}]"},
        {"getCompactSystemRepositories", "[]",
         "[null,{\"_id\":\"system.repositories\",\"common\":{},\"native\":{\"repositories\":"
         "{\"stable\":{\"link\":\"http://x\",\"json\":{\"_repoInfo\":{\"stable\":true}}}}}}]"},
        {"getCompactHosts", "[]",
         "[null,[{\"_id\":\"system.host.attic\",\"common\":{\"hostname\":\"attic\"},\"native\":"},
        {"encrypt", "[\"x\"]", "[null,\"$/aes-192-cbc:"},
        {"decrypt",
         "[\"$/aes-192-cbc:0102030405060708090a0b0c0d0e0f10:00112233445566778899aabbccddeeff\"]",
         "[\"Data is damaged\"]"},
        {"decrypt", "[5]", "[\"Invalid text\"]"},
        {"decrypt", "[]", "[\"Invalid text\"]"},
    };
    (void)state;
    fake_env_t *env = open_host("off");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_starts(call(env, rows[i].command, rows[i].args), rows[i].answer);
    fake_env_destroy(&env);
}

static void test_objects_and_states(void **state)
{
    (void)state;
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "host-name", STR_LIT("house"), &why), ERR_OK);
    assert_int_equal(config_set(config, "data", STR_LIT("/tmp"), &why), ERR_OK);
    fake_env_set_peer(env, answer_of, NULL);
    fake_env_open(env, &host_actor, config);
    for (int i = 0; i < 5; i++)
        fake_env_advance(env, 100);
    const char *asked = fake_env_asked(env);
    assert_non_null(strstr(asked, "\"objects.put\",[[[\"system.host.house\",{\"type\":\"host\""));
    assert_non_null(strstr(asked, "[\"system.host.house.alive\",{\"type\":\"state\""));
    assert_non_null(strstr(asked, "[\"states\",\"setState\",[\"system.host.house.alive\","
                                  "{\"val\":true,\"ack\":true,\"from\":\"system.host.house\"}]]"));
    assert_non_null(strstr(asked, "[\"system.host.house.memRss\",{\"val\":"));
    fake_env_advance(env, 1000);
    assert_string_equal(fake_env_asked(env), "[]");
    fake_env_advance(env, 15000);
    assert_non_null(strstr(fake_env_asked(env), "system.host.house.uptime"));
    host_actor.leave(fake_env_actor(env));
    assert_non_null(strstr(fake_env_asked(env), "[\"system.host.house.alive\",{\"val\":false,"));
    fake_env_destroy(&env);
    config_destroy(&config);
}

static void test_commands_run(void **state)
{
    (void)state;
    fake_env_t *env = open_host("on");
    assert_string_equal(call(env, "cmdExec", "[\"house\",7,\"true\"]"), "[null]");
    const char *events = "[]";
    /* The clock of the actor stands still between the looks; the command has all the time it needs.
     */
    for (int i = 0; i < 1000000 && strcmp(events, "[]") == 0; i++) {
        fake_env_advance(env, 0);
        events = fake_env_events(env);
    }
    assert_string_equal(events, "[[\"clientEvent\",[\"test/1\",\"cmdExit\",\"7\",0]]]");
    fake_env_destroy(&env);
}

int main(void)
{
    log_set_level(LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_administrators_commands),
        cmocka_unit_test(test_objects_and_states),
        cmocka_unit_test(test_commands_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
