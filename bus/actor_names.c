/* SPDX-License-Identifier: MIT */
#include "bus/actor_names.h"

static const char *const names[] = {"log",     "objects", "states",   "files", "auth", "fetch",
                                    "history", "host",    "messages", "demo",  NULL};

const char *const *actor_names(void)
{
    return names;
}

const char *actor_name_find(str_t text)
{
    for (size_t i = 0; names[i]; i++) {
        if (str_is(text, names[i]))
            return names[i];
    }
    return NULL;
}
