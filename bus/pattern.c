/* SPDX-License-Identifier: MIT */
#include "bus/pattern.h"

#include <stdlib.h>
#include <string.h>

/* "a.*.b*c" is head "a.", middle part ".b", tail "c": the head must begin the id, the tail must
 * end it, and the middle parts must follow one another between them. Taking the first place
 * where a part fits is never wrong: it leaves the most room for the parts behind it. */
struct pattern {
    pattern_kind_t kind;
    str_t text;
    str_t head;
    str_t tail; /* empty when the pattern ends with a star */
    size_t part_count;
    str_t parts[]; /* not empty ones, between head and tail; the text lies behind them */
};

static size_t count_stars(str_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.p[i] == '*';
    return count;
}

/* The text up to the next star, or all of it; moves past the star. */
static str_t take_part(str_t *rest)
{
    const char *star = rest->len ? memchr(rest->p, '*', rest->len) : NULL;
    size_t len = star ? (size_t)(star - rest->p) : rest->len;
    size_t skip = star ? len + 1 : len;
    str_t part = {rest->p, len};
    rest->p += skip;
    rest->len -= skip;
    return part;
}

static void split(pattern_t *self, size_t stars)
{
    str_t rest = self->text;
    self->head = take_part(&rest);
    for (size_t i = 1; i < stars; i++) {
        str_t part = take_part(&rest);
        if (part.len > 0)
            self->parts[self->part_count++] = part;
    }
    self->tail = rest;
    if (stars == 0)
        self->kind = PATTERN_EXACT;
    else if (self->part_count == 0 && self->tail.len == 0)
        self->kind = PATTERN_PREFIX;
    else
        self->kind = PATTERN_GENERAL;
}

pattern_t *pattern_new(str_t text, err_t *err)
{
    if (text.len > PATTERN_MAX_LEN) {
        *err = ERR_TOO_LARGE;
        return NULL;
    }
    size_t stars = count_stars(text);
    pattern_t *self = calloc(1, sizeof *self + stars * sizeof(str_t) + text.len + 1);
    if (!self) {
        *err = ERR_NO_MEMORY;
        return NULL;
    }
    char *copy = (char *)&self->parts[stars];
    if (text.len > 0)
        memcpy(copy, text.p, text.len);
    self->text = (str_t){copy, text.len};
    split(self, stars);
    *err = ERR_OK;
    return self;
}

void pattern_destroy(pattern_t **self_p)
{
    if (!self_p)
        return;
    free(*self_p);
    *self_p = NULL;
}

static bool begins_with(str_t text, str_t head)
{
    return text.len >= head.len && str_eq((str_t){text.p, head.len}, head);
}

bool pattern_match(const pattern_t *self, str_t id)
{
    if (self->kind == PATTERN_EXACT)
        return str_eq(self->text, id);
    if (id.len == 0) /* perhaps without a pointer to count from */
        return self->head.len == 0 && self->tail.len == 0 && self->part_count == 0;
    if (!begins_with(id, self->head))
        return false;
    str_t rest = {id.p + self->head.len, id.len - self->head.len};
    if (rest.len < self->tail.len)
        return false;
    rest.len -= self->tail.len;
    if (!str_eq((str_t){rest.p + rest.len, self->tail.len}, self->tail))
        return false;
    for (size_t i = 0; i < self->part_count; i++) {
        str_t part = self->parts[i];
        const char *found = memmem(rest.p, rest.len, part.p, part.len);
        if (!found)
            return false;
        rest.len -= (size_t)(found - rest.p) + part.len;
        rest.p = found + part.len;
    }
    return true;
}

str_t pattern_text(const pattern_t *self)
{
    return self->text;
}

pattern_kind_t pattern_kind(const pattern_t *self)
{
    return self->kind;
}

str_t pattern_prefix(const pattern_t *self)
{
    return self->head;
}
