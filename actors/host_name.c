/* SPDX-License-Identifier: MIT */
#include "actors/host_name.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

char *host_name(const config_t *config)
{
    char machine[256] = "";
    const char *name = config_text(config, "host-name");
    if (!name[0] && gethostname(machine, sizeof machine - 1) == 0)
        name = machine;
    char *result = strdup(name[0] ? name : "localhost");
    assert(result);
    return result;
}
