/* SPDX-License-Identifier: MIT */
#include "actors/fetch_party.h"

#include <stdlib.h>

fetch_party_t *fetch_party_find(fetch_party_t *list, str_t name)
{
    while (list && !str_eq(str_of(list->name), name))
        list = list->next;
    return list;
}

fetch_party_t *fetch_party_link(fetch_party_t **list, str_t name)
{
    fetch_party_t *party = fetch_party_find(*list, name);
    if (!party) {
        party = calloc(1, sizeof *party);
        char *copy = party ? str_dup(name) : NULL;
        if (!copy) {
            free(party);
            return NULL;
        }
        party->name = copy;
        party->next = *list;
        *list = party;
    }
    party->open++;
    return party;
}

void fetch_party_unlink(fetch_party_t **list, fetch_party_t **party_p)
{
    fetch_party_t *party = *party_p;
    *party_p = NULL;
    if (!party || --party->open > 0)
        return;
    while (*list != party)
        list = &(*list)->next;
    *list = party->next;
    free(party->name);
    free(party);
}

bool fetch_party_has_room(const fetch_party_t *party, size_t parallel, size_t queue)
{
    return !party || party->open < parallel + queue;
}
