/* SPDX-License-Identifier: MIT */
#include "gateway/admission.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/map.h"

typedef struct {
    size_t count;
    char address[]; /* key */
} visitor_t;

struct admission {
    size_t max, max_per_address;
    size_t count;
    map_t *visitors;
};

admission_t *admission_new(size_t max, size_t max_per_address)
{
    admission_t *self = calloc(1, sizeof *self);
    assert(self);
    self->visitors = map_new();
    admission_set(self, max, max_per_address);
    return self;
}

void admission_set(admission_t *self, size_t max, size_t max_per_address)
{
    self->max = max;
    self->max_per_address = max_per_address;
}

void admission_destroy(admission_t **self_p)
{
    admission_t *self = *self_p;
    if (!self)
        return;
    size_t at = 0;
    for (visitor_t *visitor = map_next(self->visitors, &at); visitor;
         visitor = map_next(self->visitors, &at))
        free(visitor);
    map_destroy(&self->visitors);
    free(self);
    *self_p = NULL;
}

static visitor_t *require(admission_t *self, const char *address)
{
    visitor_t *visitor = map_get(self->visitors, str_of(address));
    if (visitor)
        return visitor;
    size_t size = strlen(address) + 1;
    visitor = malloc(sizeof *visitor + size);
    assert(visitor);
    visitor->count = 0;
    memcpy(visitor->address, address, size);
    map_put(self->visitors, str_of(visitor->address), visitor);
    return visitor;
}

static bool enter_address(admission_t *self, const char *address)
{
    if (!address)
        return true;
    visitor_t *visitor = require(self, address);
    if (self->max_per_address > 0 && visitor->count >= self->max_per_address)
        return false;
    visitor->count++;
    return true;
}

static void leave_address(admission_t *self, const char *address)
{
    if (!address)
        return;
    visitor_t *visitor = map_get(self->visitors, str_of(address));
    assert(visitor && visitor->count > 0);
    if (--visitor->count > 0)
        return;
    map_remove(self->visitors, str_of(address));
    free(visitor);
}

bool admission_enter(admission_t *self, const char *address)
{
    if (self->count >= self->max || !enter_address(self, address))
        return false;
    self->count++;
    return true;
}

void admission_leave(admission_t *self, const char *address)
{
    leave_address(self, address);
    self->count--;
}

bool admission_move(admission_t *self, const char *from, const char *to)
{
    if (!enter_address(self, to))
        return false;
    leave_address(self, from);
    return true;
}
