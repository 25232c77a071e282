/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/config.h"

/* An empty message means that reading must succeed. */
static void expect(err_t err, err_t wanted, buf_t *why, const char *message)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(why)));
    assert_string_equal(text, message);
    assert_int_equal(err, wanted);
    buf_fini(why);
}

static void read_text(config_t *config, const char *text)
{
    buf_t why = {0};
    expect(config_read_text(config, "f", str_of(text), &why), ERR_OK, &why, "");
}

/* A usage example: defaults, a file, the environment, flags. */
static void test_usage(void **state)
{
    (void)state;
    buf_t why = {0};
    config_t *config = config_new();
    char *environ_list[] = {"PATH=/bin", "IOBUS_MAX_MESSAGE=1m", "IOBUS_BATCH=7", NULL};
    char *argv[] = {"serve", "--batch", "9", "one", "--demo", "--dry-run", "two", NULL};
    const char *const extra[] = {"--dry-run", NULL};
    int argc = 7;

    assert_string_equal(config_text(config, "data"), "./data");
    assert_false(config_is_set(config, "data"));
    read_text(config, "# sample\ndata = /var/lib/iobus\nmax-message=2m\nbatch = 5\n");
    assert_int_equal(config_read_env(config, environ_list, &why), ERR_OK);
    assert_int_equal(config_read_args(config, &argc, argv, extra, &why), ERR_OK);

    assert_string_equal(config_text(config, "data"), "/var/lib/iobus"); /* file over default */
    assert_true(config_is_set(config, "data"));
    assert_int_equal(config_int(config, "max-message"), 1 << 20); /* environment over file */
    assert_int_equal(config_int(config, "batch"), 9);             /* flag over environment */
    assert_true(config_bool(config, "demo"));
    assert_int_equal(argc, 4); /* what stays: the words and the flags of the verb */
    assert_string_equal(argv[0], "serve");
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "--dry-run");
    assert_string_equal(argv[3], "two");
    config_destroy(&config);
    assert_null(config);
}

/* --- bad files ----------------------------------------------------------------------------------
 */

typedef struct {
    const char *text;
    const char *message;
} bad_t;

static const bad_t bad_files[] = {
    {"dta = /x", "f:1:1: unknown key \"dta\", did you mean \"data\"?"},
    {"\n\n  colour = red", "f:3:3: unknown key \"colour\""},
    {"Data = /x", "f:1:1: unknown key \"Data\", did you mean \"data\"?"},
    {"data", "f:1:5: expected = behind the key"},
    {"data /x", "f:1:6: expected = behind the key"},
    {"= /x", "f:1:1: expected a key"},
    {"# ok\n[section]", "f:2:1: expected a key"},
    {"data = \"/x", "f:1:8: the quotation mark is never closed"},
    {"data = \"/x\" y", "f:1:13: unexpected text behind the quoted value"},
    {"data = \"a\\n\"", "f:1:10: expected \\\" or \\\\ behind a backslash"},
    {"data = \"a\\", "f:1:10: expected \\\" or \\\\ behind a backslash"},
    {"data = /a\nauth = on\ndata = /b", "f:3:1: data was set in line 1 already"},
    {"config = other", "f:1:1: a file cannot name another one"},
    {"data = a\tb", "f:1:8: data must not contain control characters, not \"a?b\""},
    {"data = a\xff", "f:1:8: data must be valid UTF-8, not \"a?\""},
    {"auth = maybe", "f:1:8: auth must be on or off, not \"maybe\""},
    {"auth = ON", "f:1:8: auth must be on or off, not \"ON\""},
    {"auth =", "f:1:7: auth must be on or off, not \"\""},
    {"batch = many", "f:1:9: batch must be a number from 1 to 4096, not \"many\""},
    {"batch = 0", "f:1:9: batch must be a number from 1 to 4096, not \"0\""},
    {"batch = 4097", "f:1:9: batch must be a number from 1 to 4096, not \"4097\""},
    {"batch = -1", "f:1:9: batch must be a number from 1 to 4096, not \"-1\""},
    {"batch = 1k", "f:1:9: batch must be a number from 1 to 4096, not \"1k\""},
    {"batch = 1.5", "f:1:9: batch must be a number from 1 to 4096, not \"1.5\""},
    {"batch = 99999999999999999999",
     "f:1:9: batch must be a number from 1 to 4096, not \"99999999999999999999\""},
    {"max-header = 1s", "f:1:14: max-header must be a size (65536, 64k, 200m, 1g) from 1k to 64k, "
                        "not \"1s\""},
    {"max-header = 128k", "f:1:14: max-header must be a size (65536, 64k, 200m, 1g) from 1k to "
                          "64k, not \"128k\""},
    {"max-header = 9223372036854775807g",
     "f:1:14: max-header must be a size (65536, 64k, 200m, 1g) from 1k to 64k, not "
     "\"9223372036854775807g\""},
    {"store-cache = 1", "f:1:15: store-cache must be a size (65536, 64k, 200m, 1g) of at least "
                        "1m, not \"1\""},
    {"ping-timeout = 1m30s", "f:1:16: ping-timeout must be a time (500ms, 10s, 5m) from 100ms to "
                             "1h, not \"1m30s\""},
    {"ping-timeout = 2h", "f:1:16: ping-timeout must be a time (500ms, 10s, 5m) from 100ms to 1h, "
                          "not \"2h\""},
    {"log-level = loud", "f:1:13: log-level must be one of error|warn|info|debug, not \"loud\""},
    {"log-level = error|warn",
     "f:1:13: log-level must be one of error|warn|info|debug, not \"error|warn\""},
    {"listen =", "f:1:9: listen must not be empty, not \"\""},
};

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        buf_t why = {0};
        config_t *config = config_new();
        err_t err = config_read_text(config, "f", str_of(bad_files[i].text), &why);
        expect(err, ERR_CONFIG, &why, bad_files[i].message);
        config_destroy(&config);
    }
}

static void test_nul_in_file(void **state)
{
    (void)state;
    buf_t why = {0};
    config_t *config = config_new();
    str_t text = {"data = a\0b", 10};
    expect(config_read_text(config, "f", text, &why), ERR_CONFIG, &why,
           "f:1:8: data must not contain control characters, not \"a?b\"");
    config_destroy(&config);
}

static void test_long_value_is_cut(void **state)
{
    (void)state;
    char text[2048];
    size_t len = (size_t)snprintf(text, sizeof text, "batch = x%01500d", 7);
    buf_t why = {0};
    config_t *config = config_new();
    assert_int_equal(config_read_text(config, "f", (str_t){text, len}, &why), ERR_CONFIG);
    assert_true(why.len < 200);
    buf_fini(&why);
    config_destroy(&config);
}

static void test_good_lines(void **state)
{
    (void)state;
    config_t *config = config_new();
    size_t count;
    read_text(config, "\xef\xbb\xbf"
                      "data=\"/a \\\"b\\\" \\\\ # c\"  # comment\r\n"
                      "\t instance \t=  web.0 \t \r\n"
                      "base-path = /a#b # c\n"
                      "host-name =\n"
                      "ping-timeout = 20s\n"
                      "ping-interval = 2500\n"
                      "store-cache = 3g\n"
                      "listen = a:1\nlisten = b:2,auth=on\n"
                      "auth = true");
    assert_string_equal(config_text(config, "data"), "/a \"b\" \\ # c");
    assert_string_equal(config_text(config, "instance"), "web.0");
    assert_string_equal(config_text(config, "base-path"), "/a#b");
    assert_string_equal(config_text(config, "host-name"), "");
    assert_int_equal(config_int(config, "ping-timeout"), 20000);
    assert_int_equal(config_int(config, "ping-interval"), 2500);
    assert_int_equal(config_int(config, "store-cache"), 3ll << 30);
    assert_true(config_bool(config, "auth"));
    const char *const *listen = config_list(config, "listen", &count);
    assert_int_equal(count, 2);
    assert_string_equal(listen[0], "a:1");
    assert_string_equal(listen[1], "b:2,auth=on");
    config_destroy(&config);
}

/* --- networks -----------------------------------------------------------------------------------
 */

static void test_networks(void **state)
{
    (void)state;
    buf_t why = {0};
    config_t *config = config_new();
    assert_string_equal(config_text(config, "fetch-deny"), "");
    assert_int_equal(config_set(config, "fetch-deny", STR_LIT("10.0.0.0/8, ::1"), &why), ERR_OK);
    assert_string_equal(config_text(config, "fetch-deny"), "10.0.0.0/8, ::1");
    assert_int_equal(config_set(config, "fetch-deny", STR_LIT(""), &why), ERR_OK);
    expect(
        config_read_text(config, "x", STR_LIT("fetch-allow = 10.0.0.0/8,lan"), &why), ERR_CONFIG,
        &why,
        "x:1:15: fetch-allow must be networks like 10.0.0.0/8 or fe80::/10, separated by commas, "
        "not \"10.0.0.0/8,lan\"");
    config_destroy(&config);
}

/* --- environment --------------------------------------------------------------------------------
 */

static void test_environment(void **state)
{
    (void)state;
    buf_t why = {0};
    size_t count;
    config_t *config = config_new();
    char *good[] = {"IOBUS_LISTEN= a:1  b:2 ",
                    "IOBUS_DATA=",
                    "IOBUS_PORT=tcp://10.0.0.1:1",
                    "IOBUS_DEFAULT_USER=eve",
                    "IOBUS_",
                    "IOBUS",
                    NULL};
    assert_int_equal(config_read_env(config, good, &why), ERR_OK);
    assert_string_equal(config_list(config, "listen", &count)[1], "b:2");
    assert_int_equal(count, 2);
    assert_false(config_is_set(config, "data")); /* empty is not set */
    assert_string_equal(config_text(config, "default-user"), "eve");

    char *bad[] = {"IOBUS_MAX_HEADER=x", NULL};
    expect(config_read_env(config, bad, &why), ERR_CONFIG, &why,
           "IOBUS_MAX_HEADER must be a size (65536, 64k, 200m, 1g) from 1k to 64k, not \"x\"");
    config_destroy(&config);
}

/* --- flags --------------------------------------------------------------------------------------
 */

typedef struct {
    const char *words[4];
    const char *message;
} bad_flags_t;

static const bad_flags_t bad_flags[] = {
    {{"--lsiten", "x"}, "unknown flag --lsiten, did you mean --listen?"},
    {{"--colour=red"}, "unknown flag --colour"},
    {{"-v"}, "unknown flag -v"},
    {{"--=x"}, "unknown flag --"},
    {{"-data", "x"}, "unknown flag -data, did you mean --data?"},
    {{"--data"}, "--data needs a value"},
    {{"a", "--batch=0"}, "--batch must be a number from 1 to 4096, not \"0\""},
    {{"--auth=perhaps"}, "--auth must be on or off, not \"perhaps\""},
    {{"--listen="}, "--listen must not be empty, not \"\""},
};

static void test_bad_flags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_flags / sizeof bad_flags[0]; i++) {
        buf_t why = {0};
        config_t *config = config_new();
        char *argv[6] = {"serve"};
        int argc = 1;
        for (; argc < 5 && bad_flags[i].words[argc - 1]; argc++)
            argv[argc] = (char *)(uintptr_t)bad_flags[i].words[argc - 1];
        expect(config_read_args(config, &argc, argv, NULL, &why), ERR_BAD_ARGS, &why,
               bad_flags[i].message);
        config_destroy(&config);
    }
}

static void test_switches(void **state)
{
    (void)state;
    buf_t why = {0};
    config_t *config = config_new();
    char *argv[] = {"serve",     "--auth", "on", "--demo", "word",   "--open=1",
                    "--deflate", "off",    "-",  "--",     "--auth", NULL};
    int argc = 11;
    assert_int_equal(config_read_args(config, &argc, argv, NULL, &why), ERR_OK);
    assert_true(config_bool(config, "auth"));
    assert_true(config_bool(config, "demo"));
    assert_true(config_bool(config, "open"));
    assert_true(config_is_set(config, "deflate"));
    assert_false(config_bool(config, "deflate"));
    assert_int_equal(argc, 4);
    assert_string_equal(argv[1], "word");
    assert_string_equal(argv[2], "-");
    assert_string_equal(argv[3], "--auth");
    assert_null(argv[4]);
    config_destroy(&config);
}

static void test_last_flag_wins(void **state)
{
    (void)state;
    buf_t why = {0};
    size_t count;
    config_t *config = config_new();
    char *argv[] = {"serve", "--data", "/a", "--listen=h:1", "--data=/b", "--listen", "h:2", NULL};
    int argc = 7;
    read_text(config, "listen = file:1\n");
    assert_int_equal(config_read_args(config, &argc, argv, NULL, &why), ERR_OK);
    assert_string_equal(config_text(config, "data"), "/b");
    const char *const *listen = config_list(config, "listen", &count);
    assert_int_equal(count, 2); /* flags replace the list of the file */
    assert_string_equal(listen[0], "h:1");
    assert_string_equal(listen[1], "h:2");
    config_destroy(&config);
}

/* --- file < environment < flags -----------------------------------------------------------------
 */

static void write_temporary(char path[32], const char *text)
{
    strcpy(path, "/tmp/iobus-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_load(void **state)
{
    (void)state;
    buf_t why = {0};
    char path[32];
    char variable[64];
    write_temporary(path, "data = file\ninstance = file.0\nbase-path = /file\n");
    snprintf(variable, sizeof variable, "IOBUS_CONFIG=%s", path);
    char *environ_list[] = {variable, "IOBUS_DATA=env", "IOBUS_INSTANCE=env.0", NULL};
    char *argv[] = {"serve", "--data", "flag", NULL};
    int argc = 3;
    config_t *config = config_new();
    assert_int_equal(config_load(config, &argc, argv, environ_list, NULL, &why), ERR_OK);
    assert_string_equal(config_text(config, "data"), "flag");
    assert_string_equal(config_text(config, "instance"), "env.0");
    assert_string_equal(config_text(config, "base-path"), "/file");
    assert_int_equal(argc, 1);
    config_destroy(&config);
    unlink(path);

    config = config_new();
    char *missing[] = {"serve", "--config=/nonexistent/iobus.conf", NULL};
    argc = 2;
    expect(config_load(config, &argc, missing, environ_list + 3, NULL, &why), ERR_IO, &why,
           "cannot read /nonexistent/iobus.conf: No such file or directory");
    config_destroy(&config);
}

static void test_folder_as_file(void **state)
{
    (void)state;
    buf_t why = {0};
    config_t *config = config_new();
    expect(config_read_file(config, "/", &why), ERR_IO, &why, "cannot read /: Is a directory");
    config_destroy(&config);
}

static void test_set(void **state)
{
    (void)state;
    buf_t why = {0};
    config_t *config = config_new();
    assert_int_equal(config_set(config, "batch", STR_LIT("3"), &why), ERR_OK);
    read_text(config, "batch = 5"); /* the program's own value stays */
    assert_int_equal(config_int(config, "batch"), 3);
    config_unset(config, "batch");
    assert_int_equal(config_int(config, "batch"), 256);
    assert_false(config_is_set(config, "batch"));
    config_unset(config, "endpoint");
    config_unset(config, "listen");
    size_t count;
    config_list(config, "endpoint", &count);
    assert_int_equal(count, 0);
    assert_string_equal(config_list(config, "listen", &count)[0], "127.0.0.1:8084");
    assert_int_equal(count, 1);
    expect(config_set(config, "nonsense", STR_LIT("3"), &why), ERR_CONFIG, &why,
           "unknown key \"nonsense\"");
    config_destroy(&config);
}

static void test_copy_and_reload(void **state)
{
    (void)state;
    buf_t kept = {0};
    config_t *config = config_new();
    read_text(config, "data = /a\nlog-level = warn\nlisten = h:1\nlisten = h:2\n");
    config_t *copy = config_copy(config);
    config_t *fresh = config_new();
    read_text(fresh, "data = /b\nlog-level = debug\nlisten = h:1\n");
    config_reload(config, fresh, &kept);
    assert_string_equal(config_text(config, "log-level"), "debug");
    assert_string_equal(config_text(config, "data"), "/a"); /* needs a restart */
    assert_true(str_is(buf_str(&kept), "data listen"));
    assert_string_equal(config_text(copy, "log-level"), "warn"); /* the copy is its own */
    buf_fini(&kept);
    config_destroy(&config);
    config_destroy(&copy);
    config_destroy(&fresh);
    config_destroy(&fresh); /* twice is harmless */
}

/* --- the table ----------------------------------------------------------------------------------
 */

/* Every commented line of the sample, uncommented, is a valid file that changes nothing. */
static void test_sample_is_valid(void **state)
{
    (void)state;
    buf_t sample = {0};
    buf_t text = {0};
    config_sample(&sample);
    for (size_t i = 0; i < sample.len; i++) {
        bool starts_line = i == 0 || sample.data[i - 1] == '\n';
        bool key_line = starts_line && sample.data[i] == '#' && sample.data[i + 1] != ' ';
        if (!key_line)
            buf_append_byte(&text, sample.data[i]);
    }
    buf_append_byte(&text, '\0');
    for (const config_key_t *key = config_keys(); key->name; key++) {
        char line[80];
        snprintf(line, sizeof line, "\n%s =\n", key->name);
        char *empty = key->kind == CONFIG_LIST ? strstr((char *)text.data, line) : NULL;
        if (empty) /* a list without a default */
            empty[1] = '#';
    }
    config_t *config = config_new();
    read_text(config, (char *)text.data);
    config_t *defaults = config_new();
    buf_t kept = {0};
    config_reload(defaults, config, &kept);
    assert_int_equal(kept.len, 0);
    buf_fini(&sample);
    buf_fini(&text);
    buf_fini(&kept);
    config_destroy(&config);
    config_destroy(&defaults);
}

static void test_help_has_every_key(void **state)
{
    (void)state;
    buf_t help = {0};
    config_help(&help);
    buf_append_byte(&help, '\0');
    for (const config_key_t *key = config_keys(); key->name; key++) {
        char flag[80];
        snprintf(flag, sizeof flag, "  --%s=", key->name);
        assert_non_null(strstr((char *)help.data, flag));
        assert_ptr_equal(config_key_find(str_of(key->name)), key);
        assert_true(strlen(key->name) < 60);
    }
    buf_fini(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_nul_in_file),
        cmocka_unit_test(test_long_value_is_cut),
        cmocka_unit_test(test_good_lines),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_bad_flags),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_last_flag_wins),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_folder_as_file),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_copy_and_reload),
        cmocka_unit_test(test_sample_is_valid),
        cmocka_unit_test(test_help_has_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
