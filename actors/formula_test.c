/* SPDX-License-Identifier: MIT */
#include "actors/formula.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static void run(formulas_t *formulas, const char *source, const char *val, err_t want_err,
                const char *want)
{
    static const formula_side_t own = {"number", true, true, 0, 100};
    static const formula_side_t other = {"string", false, false, 0, 0};
    buf_t value = {0}, out = {0}, json = {0}, why = {0};
    assert_int_equal(json_to_mp(&value, str_of(val)), ERR_OK);
    uint32_t handle = formulas_add(formulas, FORMULA_READ, str_of(source), &why);
    if (handle == 0)
        fail_msg("%s: %.*s", source, STR_ARG(buf_str(&why)));
    err_t err = formulas_run(formulas, handle, mp_of_buf(&value), &own, &other, &out, &why);
    if (err != want_err)
        fail_msg("%s gives %d (%.*s)", source, err, STR_ARG(buf_str(&why)));
    if (err == ERR_OK) {
        json_from_mp(&json, mp_of_buf(&out), NULL);
        if (!str_is(buf_str(&json), want))
            fail_msg("%s gives %.*s", source, STR_ARG(buf_str(&json)));
    } else {
        assert_int_equal(out.len, 0);
        assert_true(why.len > 0);
    }
    formulas_remove(formulas, handle);
    buf_fini(&value);
    buf_fini(&out);
    buf_fini(&json);
    buf_fini(&why);
}

static void example(void **state)
{
    (void)state;
    formulas_t *formulas = formulas_new();
    run(formulas, "val * 9 / 5 + 32", "25", ERR_OK, "77");
    formulas_destroy(&formulas);
    formulas_destroy(&formulas);
}

static void values(void **state)
{
    static const char *const rows[][3] = {
        {"val > 0", "3", "true"},
        {"val ? 100 : 0;", "true", "100"},
        {"val // as it is", "1", "1"},
        {"/* twice */ val * 2 ; ; ", "1", "2"},
        {"({0:'off',1:'on'})[val]", "1", "\"on\""},
        {"JSON.parse(val).a[1]", "\"{\\\"a\\\":[1,\\\"\\\\ud83c\\\\udfe0\\\"]}\"", "\"🏠\""},
        {"JSON.stringify(val)", "{\"a\":[1]}", "\"{\\\"a\\\":[1]}\""},
        {"val.length", "\"🏠\"", "2"},
        {"val", "\"a\\ud83d\"", "\"a\\ud83d\""},
        {"val + 'é🏠'", "\"\"", "\"é🏠\""},
        {"[val, type, min, max, sType, sMin, sMax]", "null",
         "[null,\"number\",0,100,\"string\",null,null]"},
        {"val.toFixed(1)", "1.26", "\"1.3\""},
        {"Math.round(val / 2.55)", "128", "50"},
        {"val.replace(/,/g, '.')", "\"1,5\"", "\"1.5\""},
        {"/[0-9]+/.exec(val)[0]", "\"a12b\"", "\"12\""},
        {"val /2/ 1", "8", "4"},
        {"parseInt(val, 16)", "\"ff\"", "255"},
        {"new Date(val).getUTCHours()", "3600000", "1"},
        {"val == null ? 'a' : 'b'", "null", "\"a\""},
        {"val.if", "{\"if\":5}", "5"},
        {"[1, 2].map(Number)", "1", "[1,2]"},
        {"({a: 1, b: [true]})", "1", "{\"a\":1,\"b\":[true]}"},
        {"undefined", "1", "null"},
        {"0 / 0", "1", "null"},
        {"1 / 0", "1", "null"},
        {"isNaN", "1", "null"},
        {"new Date(0)", "1", "\"1970-01-01T00:00:00.000Z\""},
    };
    (void)state;
    formulas_t *formulas = formulas_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run(formulas, rows[i][0], rows[i][1], ERR_OK, rows[i][2]);
    formulas_destroy(&formulas);
}

static void nothing_dangerous_is_in_reach(void **state)
{
    static const char *const absent[] = {"''.constructor",
                                         "''['constr' + 'uctor']",
                                         "isNaN.constructor",
                                         "[].constructor",
                                         "(0).constructor",
                                         "({}).constructor",
                                         "({}).__proto__",
                                         "[].forEach",
                                         "/a/.constructor",
                                         "new Date().constructor",
                                         "isNaN.call",
                                         "isNaN.apply",
                                         "''.repeat",
                                         "''.match",
                                         "''.search",
                                         "true.constructor",
                                         "({}).__defineGetter__",
                                         "String.prototype.constructor",
                                         "[].push",
                                         "[].reduce"};
    static const char *const unknown[] = {"globalThis", "Function", "Object",      "Array",
                                          "RegExp",     "Duktape",  "Proxy",       "Reflect",
                                          "Symbol",     "Buffer",   "ArrayBuffer", "performance"};
    (void)state;
    formulas_t *formulas = formulas_new();
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        run(formulas, absent[i], "1", ERR_OK, "null");
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        run(formulas, unknown[i], "1", ERR_CUSTOM, NULL);
    formulas_destroy(&formulas);
}

static void exceptions_and_bounds(void **state)
{
    (void)state;
    char text[2048] = "\"";
    formulas_t *formulas = formulas_new();
    for (size_t i = 1; i < 1000; i++)
        text[i] = 'x';
    text[1000] = '"';
    run(formulas, "({}).x.y", "1", ERR_CUSTOM, NULL);
    run(formulas, "JSON.parse(val)", "\"{\"", ERR_CUSTOM, NULL);
    run(formulas, "val.split('').join(val)", text, ERR_TOO_LARGE, NULL);
    /* Afterwards everything works as before. */
    run(formulas, "val + 1", "1", ERR_OK, "2");
    formulas_destroy(&formulas);
}

static void large_values_are_refused(void **state)
{
    static const formula_side_t side;
    (void)state;
    buf_t value = {0}, out = {0}, why = {0}, text = {0};
    formulas_t *formulas = formulas_new();
    assert_true(buf_reserve(&text, FORMULA_MAX_VALUE + 1));
    memset(text.data, 'x', text.len = FORMULA_MAX_VALUE + 1);
    mp_put_str(&value, buf_str(&text));
    uint32_t handle = formulas_add(formulas, FORMULA_WRITE, STR_LIT("tType"), &why);
    assert_int_equal(formulas_run(formulas, handle, mp_of_buf(&value), &side, &side, &out, &why),
                     ERR_CUSTOM);
    formulas_destroy(&formulas);
    buf_fini(&value);
    buf_fini(&out);
    buf_fini(&why);
    buf_fini(&text);
}

static void refused(void **state)
{
    static const char *const rows[] = {"",
                                       ";",
                                       "// nothing",
                                       "while (1);",
                                       "for (;;);",
                                       "do {} while (1)",
                                       "1; 2",
                                       "val; while(1);",
                                       "function () {}",
                                       "(function f() { f() })()",
                                       "() => 1",
                                       "x = 1",
                                       "x += 1",
                                       "x >>= 1",
                                       "x++",
                                       "--x",
                                       "this",
                                       "delete Math.abs",
                                       "throw 1",
                                       "return 1",
                                       "if (1) 2",
                                       "var x",
                                       "`x`",
                                       "eval",
                                       "({get a() { return this.a }}).a",
                                       "({a(){}})",
                                       "(1",
                                       "1)",
                                       "(1]",
                                       "1);while(1);(1",
                                       "'a",
                                       "'a\nb'",
                                       "/(a+)+$/.test(val)",
                                       "/a*b/",
                                       "/a{9}/",
                                       "/(a)/",
                                       "/a",
                                       "/a\n/",
                                       "a\\u0062",
                                       "@",
                                       "#",
                                       "...a",
                                       "/* x",
                                       "val // \xe2\x80\xa8 while(1);",
                                       "typeof /a*b*/",
                                       "val \xc3\xa9",
                                       "async",
                                       "yield 1"};
    (void)state;
    buf_t why = {0};
    size_t len;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_reset(&why);
        if (formula_check(str_of(rows[i]), &len, &why))
            fail_msg("accepted: %s", rows[i]);
        assert_true(why.len > 0);
    }
    char deep[128], lengthy[FORMULA_MAX_SOURCE + 2];
    memset(deep, '(', sizeof deep);
    assert_false(formula_check((str_t){deep, sizeof deep}, &len, &why));
    memset(lengthy, '1', sizeof lengthy);
    assert_false(formula_check((str_t){lengthy, sizeof lengthy}, &len, &why));
    assert_false(formula_check((str_t){"1\0", 2}, &len, &why));
    buf_fini(&why);
}

static void syntax_errors(void **state)
{
    static const char *const rows[] = {"val +", "1 2", "a b", "? :", "{a: 1} {", "1..x y"};
    (void)state;
    formulas_t *formulas = formulas_new();
    buf_t why = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(formulas_add(formulas, FORMULA_READ, str_of(rows[i]), &why), 0);
    formulas_destroy(&formulas);
    buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(values),
        cmocka_unit_test(nothing_dangerous_is_in_reach),
        cmocka_unit_test(exceptions_and_bounds),
        cmocka_unit_test(large_values_are_refused),
        cmocka_unit_test(refused),
        cmocka_unit_test(syntax_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
