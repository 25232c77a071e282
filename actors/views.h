/* SPDX-License-Identifier: MIT */
/* Views: rows of objects of one type within a range of ids, as getObjectView answers them. The
 * views of the original are JavaScript; ours are rows of a table. Source: data-model.md 4b.4,
 * commands.md 2.4. Thread contract: the objects actor's thread. */
#ifndef IOBUS_ACTORS_VIEWS_H
#define IOBUS_ACTORS_VIEWS_H

#include "actors/objects_ctx.h"

/* What a row shows. */
typedef enum {
    VIEW_OBJECT, /* id and object */
    VIEW_NAMED,  /* common.name and object */
    VIEW_CUSTOM, /* id and common.custom */
    VIEW_LEGACY, /* id and common.custom or the older common.history */
    VIEW_STATS   /* one row: the largest number at the end of the ids */
} view_kind_t;

typedef struct {
    const char *design; /* "system" */
    const char *search; /* "state" */
    object_type_t type;
    view_kind_t kind;
    bool custom;       /* only objects with common.custom */
    const char *below; /* ids it is limited to when the caller gives no range; NULL: none */
} view_t;

/* NULL: there is no such view. *design_known tells whether the design exists at all. */
const view_t *views_find(str_t design, str_t search, bool *design_known);
/* All views, ends with design NULL. */
const view_t *views_all(void);

/* Entries in the order of insertion. */
typedef struct {
    const index_entry_t **entries;
    size_t len;
} view_rows_t;

/* Ids from start to end, both included, of this type. ERR_NO_MEMORY. The entries are borrowed until
 * the next change; release with view_rows_fini. */
err_t view_rows_collect(view_rows_t *rows, const objects_index_t *index, const view_t *view,
                        str_t start, str_t end) MUST_USE;
void view_rows_fini(view_rows_t *rows);

handler_fn views_on_getObjectView;

#endif
