/* SPDX-License-Identifier: MIT */
#include "gateway/subs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

typedef struct {
    subs_t *subs;
    subs_client_t *a, *b;
    char found[64]; /* names of the owners that were found, in order */
} fixture_t;

static int setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->subs = subs_new(100);
    self->a = subs_client_new(self->subs, "a");
    self->b = subs_client_new(self->subs, "b");
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *self = *state;
    subs_client_destroy(&self->a);
    subs_client_destroy(&self->b);
    subs_destroy(&self->subs);
    free(self);
    return 0;
}

static void add(subs_client_t *client, const char *pattern)
{
    assert_int_equal(subs_add(client, SUBS_STATES, str_of(pattern), 0), ERR_OK);
}

static void hit(void *arg, void *owner)
{
    strcat(arg, owner);
}

static void expect_at(fixture_t *self, const char *id, uint64_t seq, const char *owners)
{
    /* Twice: the second time from memory. */
    for (int i = 0; i < 2; i++) {
        self->found[0] = '\0';
        subs_match(self->subs, SUBS_STATES, str_of(id), seq, hit, self->found);
        assert_string_equal(self->found, owners);
    }
}

static void expect(fixture_t *self, const char *id, const char *owners)
{
    expect_at(self, id, 1, owners);
}

/* Usage: patterns come and go, each client is found once. */
static void finds_subscribers(void **state)
{
    fixture_t *self = *state;
    add(self->a, "flot.0.x");
    add(self->a, "flot.0.*");
    add(self->a, "*.x");
    add(self->b, "flot.*.x");
    expect(self, "flot.0.x", "ab");
    expect(self, "flot.0.y", "a");
    expect(self, "other", "");
    assert_true(subs_remove(self->a, SUBS_STATES, STR_LIT("flot.0.*")));
    assert_false(subs_remove(self->a, SUBS_STATES, STR_LIT("flot.0.*")));
    expect(self, "flot.0.y", "");
    expect(self, "flot.0.x", "ab");
    subs_client_destroy(&self->a);
    expect(self, "flot.0.x", "b");
    assert_int_equal(subs_client_count(self->b), 1);
}

static void matches_as_the_reference_says(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *pattern, *id;
        bool fits;
    } rows[] = {
        {"*", "anything", true},    {"a.0.*", "a.0.", true},      {"a.0.*", "a.0.b.c", true},
        {"a.0.*", "xa.0.b", false}, {"*.STATE", "a.STATE", true}, {"*.STATE", "a.STATE.b", false},
        {"a.b", "xa.b", false},     {"a.b", "a.bc", false},       {"a.b", "a_b", false},
        {"a.*.b", "a.x.y.b", true}, {"*a*", "bab", true},         {"a(1).*", "a(1).x", true},
        {"a+b", "aab", false},      {"A.b", "a.b", false},        {"a**b", "ab", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add(self->a, rows[i].pattern);
        expect(self, rows[i].id, rows[i].fits ? "a" : "");
        assert_true(subs_remove(self->a, SUBS_STATES, str_of(rows[i].pattern)));
    }
}

/* Only the exact id, "*" and patterns that begin with "alias." find aliases. */
static void aliases_have_a_rule_of_their_own(void **state)
{
    fixture_t *self = *state;
    add(self->a, "*.x");
    add(self->a, "al*");
    expect(self, "alias.0.x", "");
    add(self->a, "alias.0.x");
    expect(self, "alias.0.x", "a");
    add(self->b, "alias.*");
    expect(self, "alias.0.x", "ab");
    assert_true(subs_remove(self->b, SUBS_STATES, STR_LIT("alias.*")));
    add(self->b, "*");
    expect(self, "alias.0.x", "ab");
}

/* What was caused before the subscription does not count. */
static void starts_after_a_number(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(subs_add(self->a, SUBS_STATES, STR_LIT("x"), 10), ERR_OK);
    expect_at(self, "x", 10, "");
    expect_at(self, "x", 11, "a");
    assert_int_equal(subs_add(self->a, SUBS_STATES, STR_LIT("x*"), 20), ERR_OK);
    expect_at(self, "x", 11, "a");
    subs_restart(self->subs, SUBS_STATES);
    expect_at(self, "x", 1, "a");
}

static void refuses(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(subs_add(self->a, SUBS_STATES, STR_LIT("a[1].*"), 0), ERR_BAD_ARGS);
    char text[16];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "id.%d", i);
        add(self->a, text);
    }
    assert_int_equal(subs_add(self->a, SUBS_STATES, STR_LIT("one.more"), 0), ERR_BUSY);
    add(self->a, "id.5"); /* is there already */
    assert_int_equal(subs_client_count(self->a), 100);
}

static void kinds_are_apart(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(subs_add(self->a, SUBS_OBJECTS, STR_LIT("*"), 0), ERR_OK);
    expect(self, "x", "");
    assert_false(subs_remove(self->a, SUBS_STATES, STR_LIT("*")));
}

/* Long ids, and more ids than are remembered. */
static void survives_many_ids(void **state)
{
    fixture_t *self = *state;
    char id[600];
    add(self->a, "x.*");
    for (int i = 0; i < 10000; i++) {
        snprintf(id, sizeof id, "x.%d", i);
        self->found[0] = '\0';
        subs_match(self->subs, SUBS_STATES, str_of(id), 1, hit, self->found);
        assert_string_equal(self->found, "a");
    }
    memset(id, 'x', sizeof id - 1);
    id[1] = '.';
    id[sizeof id - 1] = '\0';
    expect(self, id, "a");
}

static void walks_through_patterns(void **state)
{
    fixture_t *self = *state;
    size_t at = 0, exact_count = 0, count = 0;
    bool exact;
    add(self->a, "x");
    add(self->a, "y.*");
    add(self->b, "x");
    while (subs_next(self->subs, SUBS_STATES, &at, &exact).len > 0) {
        count++;
        exact_count += exact;
    }
    assert_int_equal(count, 2);
    assert_int_equal(exact_count, 1);
}

/* Patterns that mean the same are still patterns of their own. */
static void tells_stars_apart(void **state)
{
    fixture_t *self = *state;
    static const char *const patterns[] = {"*", "**", "***", "a.*", "a.**"};
    size_t count = sizeof patterns / sizeof patterns[0];
    for (size_t i = 0; i < count; i++)
        add(i % 2 ? self->b : self->a, patterns[i]);
    expect(self, "a.x", "ab");
    for (size_t i = 0; i < count; i++)
        assert_true(subs_remove(i % 2 ? self->b : self->a, SUBS_STATES, str_of(patterns[i])));
    expect(self, "a.x", "");
    add(self->a, "a.*");
    add(self->b, "a.**");
    subs_client_destroy(&self->b);
    expect(self, "a.x", "a");
    self->b = subs_client_new(self->subs, "b");
    add(self->b, "a.**");
    assert_true(subs_remove(self->a, SUBS_STATES, STR_LIT("a.*")));
    expect(self, "a.x", "b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_subscribers),
        TEST(matches_as_the_reference_says),
        TEST(aliases_have_a_rule_of_their_own),
        TEST(starts_after_a_number),
        TEST(refuses),
        TEST(kinds_are_apart),
        TEST(survives_many_ids),
        TEST(walks_through_patterns),
        TEST(tells_stars_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
