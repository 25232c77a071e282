/* SPDX-License-Identifier: MIT */
/* The expressions of aliases: first line the value as JSON, the rest the expression. Properties:
 * the checker names a reason for what it refuses; what it accepts either does not compile, or runs
 * to an end within its bounds and gives one well-formed value or an error with a reason; afterwards
 * the realm computes as before. */
#include <assert.h>
#include <string.h>

#include "actors/formula.h"
#include "bus/json.h"
#include "tests/fuzz/fuzz.h"

static const formula_side_t side = {"number", true, true, 0, 100};

static err_t run(formulas_t *formulas, str_t source, mp_t val, buf_t *out)
{
    buf_t why = {0};
    size_t len = 0;
    bool accepted = formula_check(source, &len, &why);
    assert(accepted ? len > 0 && len <= source.len : why.len > 0);
    buf_reset(&why);
    uint32_t handle = formulas_add(formulas, FORMULA_READ, source, &why);
    err_t err = ERR_CUSTOM;
    if (handle) {
        assert(accepted);
        err = formulas_run(formulas, handle, val, &side, &side, out, &why);
        assert(err == ERR_OK || out->len == 0);
    }
    assert(err == ERR_OK || why.len > 0);
    formulas_remove(formulas, handle);
    buf_fini(&why);
    return err;
}

static void check_realm(formulas_t *formulas, mp_t val)
{
    buf_t out = {0};
    mp_t result;
    double number;
    static const char probe[] = "Math.abs(-1) + parseInt('2') + [3].concat([4]).join('').length"
                                " + Number('1' + ''.concat('0'))";
    err_t err = run(formulas, STR_LIT(probe), val, &out);
    result = mp_of_buf(&out);
    assert(err == ERR_OK && mp_read_double(&result, &number) && number == 15);
    buf_reset(&out);
    err = run(formulas, STR_LIT("''.constructor || isNaN.call || [].push || ({}).__proto__"), val,
              &out);
    assert(err == ERR_OK && mp_type(mp_of_buf(&out)) == MP_NIL);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t all = {(const char *)data, size};
    const char *end = size ? memchr(all.p, '\n', all.len) : NULL;
    if (!end)
        return 0;
    size_t first = (size_t)(end - all.p);
    buf_t val = {0}, out = {0};
    if (json_to_mp(&val, (str_t){all.p, first}) != ERR_OK)
        mp_put_nil(&val);
    formulas_t *formulas = formulas_new();
    str_t source = {end + 1, all.len - first - 1};
    if (run(formulas, source, mp_of_buf(&val), &out) == ERR_OK)
        assert(mp_check(mp_of_buf(&out), true) == ERR_OK);
    check_realm(formulas, mp_of_buf(&val));
    formulas_destroy(&formulas);
    buf_fini(&val);
    buf_fini(&out);
    return 0;
}
