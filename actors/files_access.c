/* SPDX-License-Identifier: MIT */
/* Who may do what with a file (data-model.md 6.5, checkFileRights). A file or folder that is not
 * there yet is judged by the default acl, as in the original; deleting needs the right file.delete
 * and a file that the caller may write, which is what the original means to check. */
#include "actors/files_ctx.h"

#define ROOT_USER "system.user.admin"
#define ADMIN_GROUP "system.group.administrator"

bool files_may(const files_t *self, const request_t *request, const char *operation)
{
    return rights_may(self->rights, request->caller.user, "file", operation);
}

bool files_is_admin(const files_t *self, const request_t *request)
{
    return rights_is_admin(self->rights, request->caller.user);
}

void files_default_acl(const files_t *self, files_meta_t *meta)
{
    mp_t acl = rights_default_acl(self->rights), value;
    meta->owner = STR_LIT(ROOT_USER);
    meta->group = STR_LIT(ADMIN_GROUP);
    meta->permissions = FILES_DEFAULT_MODE;
    (void)mp_find_str(acl, "owner", &meta->owner); /* absent: as above */
    (void)mp_find_str(acl, "ownerGroup", &meta->group);
    uint32_t mode;
    if (mp_find(acl, "file", &value) && files_mode_of(value, &mode))
        meta->permissions = mode;
}

bool files_allowed(files_t *self, const request_t *request, const files_meta_t *meta, right_t right)
{
    files_meta_t fallback;
    buf_t acl = {0};
    if (files_is_admin(self, request))
        return true;
    if (!meta) {
        files_default_acl(self, &fallback);
        meta = &fallback;
    }
    mp_put_map(&acl, 3);
    mp_put_cstr(&acl, "owner");
    mp_put_str(&acl, meta->owner);
    mp_put_cstr(&acl, "ownerGroup");
    mp_put_str(&acl, meta->group);
    mp_put_cstr(&acl, "permissions");
    mp_put_uint(&acl, meta->permissions);
    bool allowed = !acl.failed && rights_acl(self->rights, request->caller.user, mp_of_buf(&acl),
                                             "permissions", right);
    buf_fini(&acl);
    return allowed;
}
