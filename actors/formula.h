/* SPDX-License-Identifier: MIT */
/* The expressions of aliases: "val * 9 / 5 + 32". They are JavaScript (Duktape), but written by
 * whoever may write objects, so they must not be able to hurt: one expression, no statements,
 * functions or assignments (formula_check), in a realm that holds only arithmetic, text, JSON and
 * dates, with a bound for memory and time of each run. An expression cannot loop; what is left are
 * long library calls, which end at the next allocation once their time is over.
 * Source: data-model.md 1.8. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_FORMULA_H
#define IOBUS_ACTORS_FORMULA_H

#include "bus/buf.h"
#include "bus/err.h"
#include "bus/mp.h"

#define FORMULA_MAX_SOURCE 4096 /* bytes of an expression */
#define FORMULA_MAX_VALUE 65536 /* bytes of the value that it is given */
#define FORMULA_MAX_DEPTH 32    /* nested brackets */
#define FORMULA_MAX_MS 50       /* time of one run */

typedef struct formulas formulas_t;

/* One side of a conversion; type NULL, no min, no max: undefined in the expression. */
typedef struct {
    const char *type;
    bool has_min, has_max;
    double min, max;
} formula_side_t;

/* Name of the variables of the other side: sType sMin sMax or tType tMin tMax. */
typedef enum { FORMULA_READ, FORMULA_WRITE } formula_kind_t;

/* Whether text is an expression of the language that is allowed; otherwise one line in why. *len
 * receives its length without trailing semicolons and blanks. */
bool formula_check(str_t text, size_t *len, buf_t *why);

/* Caller owns. NULL when memory is gone. */
formulas_t *formulas_new(void);
void formulas_destroy(formulas_t **self_p);
/* A handle above 0; 0 with one line in why: refused, wrong syntax or no memory. */
uint32_t formulas_add(formulas_t *self, formula_kind_t kind, str_t text, buf_t *why);
void formulas_remove(formulas_t *self, uint32_t handle);

/* Appends the value of the expression to out (undefined, functions, NaN and infinities: nil).
 * ERR_CUSTOM: it threw; ERR_TOO_LARGE: it ran out of its bounds and had better not be run again.
 * One line in why; out is as it was. */
err_t formulas_run(formulas_t *self, uint32_t handle, mp_t val, const formula_side_t *own,
                   const formula_side_t *other, buf_t *out, buf_t *why) MUST_USE;

#endif
