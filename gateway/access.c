/* SPDX-License-Identifier: MIT */
#include "gateway/access.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/map.h"

#define RULES_MAX 4096 /* that are remembered; more: all are worked out again */

/* What was found for a user, by his number. */
typedef struct {
    uint32_t version; /* of his rights; 0: nothing was */
    bool allowed;
} verdict_t;

struct access_rule {
    subs_kind_t kind;
    verdict_t *verdicts;
    size_t cap;
    size_t key_len;
    char key[]; /* kind and acl */
};

struct access {
    map_t *rules;
    buf_t key;
};

/* --- rules ---------------------------------------------------------------------------------------
 */

access_t *access_new(void)
{
    access_t *self = calloc(1, sizeof *self);
    assert(self);
    self->rules = map_new();
    return self;
}

static void clear(access_t *self)
{
    size_t at = 0;
    for (access_rule_t *rule = map_next(self->rules, &at); rule;
         rule = map_next(self->rules, &at)) {
        free(rule->verdicts);
        free(rule);
    }
    map_clear(self->rules);
}

void access_destroy(access_t **self_p)
{
    access_t *self = *self_p;
    if (!self)
        return;
    clear(self);
    map_destroy(&self->rules);
    buf_fini(&self->key);
    free(self);
    *self_p = NULL;
}

access_rule_t *access_require(access_t *self, subs_kind_t kind, mp_t acl)
{
    buf_reset(&self->key);
    buf_append_byte(&self->key, (uint8_t)kind);
    if (mp_at_end(&acl))
        mp_put_nil(&self->key);
    else
        mp_put_raw(&self->key, acl);
    assert(!self->key.failed);
    access_rule_t *rule = map_get(self->rules, buf_str(&self->key));
    if (rule)
        return rule;
    if (map_len(self->rules) >= RULES_MAX)
        clear(self);
    rule = calloc(1, sizeof *rule + self->key.len);
    assert(rule);
    rule->kind = kind;
    rule->key_len = self->key.len;
    memcpy(rule->key, self->key.data, self->key.len);
    map_put(self->rules, (str_t){rule->key, rule->key_len}, rule);
    return rule;
}

/* --- verdicts ------------------------------------------------------------------------------------
 */

static bool is_member(const void *arg, str_t group)
{
    return grants_is_member(arg, group);
}

static bool passes(const grants_user_t *user, mp_t acl, const char *field)
{
    return acl_allows(acl, field, ACL_READ, str_of(grants_name(user)), is_member, user);
}

/* One acl of the object of a state: the object must be readable, and the state. Administrators are
 * above the first number only. */
static bool opens_state(const grants_user_t *user, mp_t acl)
{
    return grants_is_root(user) ||
           ((grants_is_admin(user) || passes(user, acl, "object")) && passes(user, acl, "state"));
}

static bool opens_object(const grants_user_t *user, mp_t acl)
{
    return grants_is_admin(user) || passes(user, acl, "object");
}

static bool opens_file(const grants_user_t *user, mp_t acl)
{
    return grants_is_admin(user) || passes(user, acl, "permissions");
}

static bool opens_log(const grants_user_t *user, mp_t acl)
{
    (void)user;
    (void)acl;
    return true;
}

static const struct {
    permission_t always; /* what is needed in any case */
    permission_t by_acl; /* and when there is an acl, by the user himself, as the actor has it */
    bool (*opens)(const grants_user_t *user, mp_t acl);
} kinds[SUBS_KINDS] = {[SUBS_STATES] = {PERM_GET_STATE, PERM_GET_OBJECT, opens_state},
                       [SUBS_OBJECTS] = {PERM_GET_OBJECT, PERM_NONE, opens_object},
                       [SUBS_FILES] = {PERM_READ_FILE, PERM_NONE, opens_file},
                       [SUBS_LOG] = {PERM_SET_OBJECT, PERM_NONE, opens_log}};

static bool work_out(const access_rule_t *rule, const grants_user_t *user)
{
    mp_t acl = mp_of(rule->key + 1, rule->key_len - 1), one;
    uint32_t count = 1;
    if (grants_check(user, kinds[rule->kind].always) != GRANT_YES)
        return false;
    if (mp_type(acl) == MP_NIL)
        return true;
    if (grants_check_own(user, kinds[rule->kind].by_acl) != GRANT_YES)
        return false;
    if (mp_type(acl) == MP_ARRAY && !mp_read_array(&acl, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&acl, &one) || mp_type(one) != MP_MAP || !kinds[rule->kind].opens(user, one))
            return false;
    }
    return true;
}

static verdict_t *place(access_rule_t *rule, size_t number)
{
    if (number >= rule->cap) {
        size_t cap = number + 8;
        rule->verdicts = realloc(rule->verdicts, cap * sizeof *rule->verdicts);
        assert(rule->verdicts);
        memset(rule->verdicts + rule->cap, 0, (cap - rule->cap) * sizeof *rule->verdicts);
        rule->cap = cap;
    }
    return &rule->verdicts[number];
}

bool access_allows(access_rule_t *rule, const grants_user_t *user)
{
    if (grants_is_almighty(user))
        return true;
    uint32_t version = grants_version(user);
    if (version == 0)
        return false;
    verdict_t *verdict = place(rule, grants_number(user));
    if (verdict->version != version)
        *verdict = (verdict_t){version, work_out(rule, user)};
    return verdict->allowed;
}
