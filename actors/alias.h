/* SPDX-License-Identifier: MIT */
/* One alias: where it reads from, where it writes to, and how values are converted on the way.
 * Source: data-model.md 1.8. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_ALIAS_H
#define IOBUS_ACTORS_ALIAS_H

#include "actors/formula.h"

#define ALIAS_PREFIX "alias." /* every alias lies below, and nothing else does */

/* What a conversion looks at in an object's common. */
typedef struct {
    bool exists;         /* there is such an object */
    bool is_percent;     /* common.unit is "%" */
    formula_side_t side; /* type: one of the known names (static), else NULL; numeric min and max */
} alias_common_t;

/* object: empty cursor or no map: does not exist. */
void alias_common_read(alias_common_t *self, mp_t object);

typedef struct alias alias_t;

/* From an object with common.alias.id, else NULL (also when memory is gone). A formula that is
 * refused is logged; conversions in its direction then fail. formulas is borrowed and must outlive
 * the alias. Caller owns. */
alias_t *alias_new(formulas_t *formulas, str_t id, mp_t object);
void alias_destroy(alias_t **self_p);
/* Id of the state that is read; empty: none. Aliases of aliases have no source. */
str_t alias_source(const alias_t *self);
/* common.alias.id.write, or common.alias.id as it is: whatever stands there, to be checked as an
 * id; never an empty cursor. */
mp_t alias_target(const alias_t *self);

/* Converts a value on its way from the source, or to the target, and appends it to out. val: empty
 * cursor: the state has no value. own: of the alias object. False: no value can be given (a formula
 * failed); out is as it was. */
bool alias_read(alias_t *self, const alias_common_t *own, const alias_common_t *source, mp_t val,
                buf_t *out);
bool alias_write(alias_t *self, const alias_common_t *own, const alias_common_t *target, mp_t val,
                 buf_t *out);

/* JavaScript's parseFloat: NaN when there is no number. */
double alias_parse_float(str_t text);

#endif
