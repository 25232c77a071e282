/* SPDX-License-Identifier: MIT */
#include "gateway/credentials.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/eio_base64.h"

#define ACCESS_TOKEN "access_token"
#define SESSION "connect.sid"

/* --- the list ------------------------------------------------------------------------------------
 */

void credentials_wipe(buf_t *secret)
{
    if (secret->data)
        OPENSSL_cleanse(secret->data, secret->cap);
    buf_fini(secret);
}

static void wipe_credential(credential_t *self)
{
    credentials_wipe(&self->text);
    credentials_wipe(&self->password);
}

/* No name, token or password has a NUL; what follows one must not be lost without notice. */
static bool is_usable(const credential_t *credential)
{
    const buf_t *text = &credential->text, *password = &credential->password;
    return text->len > 0 && !text->failed && !password->failed &&
           !memchr(text->data, 0, text->len) &&
           (password->len == 0 || !memchr(password->data, 0, password->len));
}

/* Takes the texts over, whether there is room or not. */
static void add(credentials_t *self, credential_t *credential)
{
    bool usable = is_usable(credential) && self->count < CREDENTIALS_MAX;
    if (usable)
        self->items[self->count++] = *credential;
    else
        wipe_credential(credential);
    *credential = (credential_t){0};
}

void credentials_fini(credentials_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        wipe_credential(&self->items[i]);
    *self = (credentials_t){0};
}

/* --- query ---------------------------------------------------------------------------------------
 */

static void read_query_password(str_t query, credentials_t *out)
{
    credential_t item = {.kind = CREDENTIAL_PASSWORD, .decides = true};
    if (http_query_get(query, "user", &item.text) && http_query_get(query, "pass", &item.password))
        add(out, &item);
    else
        wipe_credential(&item);
}

static void read_query_text(str_t query, const char *name, credential_kind_t kind,
                            credentials_t *out)
{
    credential_t item = {.kind = kind};
    (void)http_query_get(query, name, &item.text); /* an empty one is not added */
    add(out, &item);
}

/* --- Authorization -------------------------------------------------------------------------------
 */

/* What follows the scheme's name, in any case, and blanks. */
static bool take_scheme(str_t header, const char *scheme, str_t *rest)
{
    size_t n = strlen(scheme);
    if (header.len <= n || strncasecmp(header.p, scheme, n) != 0 || header.p[n] != ' ')
        return false;
    *rest = (str_t){header.p + n, header.len - n};
    while (rest->len > 0 && rest->p[0] == ' ') {
        rest->p++;
        rest->len--;
    }
    return true;
}

/* Only the first colon separates. */
static void read_basic(str_t encoded, credentials_t *out)
{
    credential_t item = {.kind = CREDENTIAL_PASSWORD, .decides = true, .basic = true};
    buf_t plain = {0};
    eio_base64_decode(&plain, encoded);
    const char *text = (const char *)plain.data;
    const char *colon = plain.len > 0 ? memchr(text, ':', plain.len) : NULL;
    if (colon) {
        size_t n = (size_t)(colon - text);
        buf_append(&item.text, text, n);
        buf_append(&item.password, colon + 1, plain.len - n - 1);
    }
    credentials_wipe(&plain);
    add(out, &item);
}

static void read_authorization(const http_head_t *head, credentials_t *out)
{
    str_t rest, header = http_head_get(head, "authorization");
    if (take_scheme(header, "Bearer", &rest)) {
        credential_t item = {.kind = CREDENTIAL_TOKEN, .decides = true};
        buf_append_str(&item.text, rest);
        add(out, &item);
    } else if (take_scheme(header, "Basic", &rest)) {
        read_basic(rest, out);
    }
}

/* --- cookies -------------------------------------------------------------------------------------
 */

/* Takes the next "name=value" off the header; a value may hold further '='. */
static bool next_cookie(str_t *header, str_t *name, str_t *value)
{
    while (header->len > 0) {
        const char *end = memchr(header->p, ';', header->len);
        str_t pair = {header->p, end ? (size_t)(end - header->p) : header->len};
        size_t used = pair.len + (end ? 1 : 0);
        *header = (str_t){header->p + used, header->len - used};
        while (pair.len > 0 && pair.p[0] == ' ') {
            pair.p++;
            pair.len--;
        }
        while (pair.len > 0 && pair.p[pair.len - 1] == ' ')
            pair.len--;
        const char *equals = pair.len > 0 ? memchr(pair.p, '=', pair.len) : NULL;
        if (!equals)
            continue;
        *name = (str_t){pair.p, (size_t)(equals - pair.p)};
        *value = (str_t){equals + 1, pair.len - name->len - 1};
        if (value->len >= 2 && value->p[0] == '"' && value->p[value->len - 1] == '"')
            *value = (str_t){value->p + 1, value->len - 2};
        return true;
    }
    return false;
}

/* Unsigned ids are no proof, although the original takes them in one place (auth.md 2). */
static bool is_signed(const buf_t *value)
{
    str_t text = buf_str(value);
    return str_starts(text, "s:");
}

static void drop_unsigned(credentials_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        credential_t *item = &self->items[i];
        if (item->kind == CREDENTIAL_SESSION && !is_signed(&item->text)) {
            self->unsigned_session = true;
            wipe_credential(item);
        } else {
            self->items[kept++] = *item;
        }
    }
    self->count = kept;
}

static void read_cookies(const http_head_t *head, const char *wanted, credential_kind_t kind,
                         credentials_t *out)
{
    str_t name, value, header = http_head_get(head, "cookie");
    while (next_cookie(&header, &name, &value)) {
        credential_t item = {.kind = kind, .cookie = true};
        if (!str_is(name, wanted))
            continue;
        http_percent_decode(&item.text, value, false);
        add(out, &item);
    }
}

/* --- all -----------------------------------------------------------------------------------------
 */

void credentials_read(const http_head_t *head, credentials_t *out)
{
    *out = (credentials_t){0};
    read_query_password(head->query, out);
    read_query_text(head->query, "token", CREDENTIAL_TOKEN, out);
    read_query_text(head->query, ACCESS_TOKEN, CREDENTIAL_TOKEN, out);
    read_authorization(head, out);
    read_query_text(head->query, SESSION, CREDENTIAL_SESSION, out);
    read_cookies(head, ACCESS_TOKEN, CREDENTIAL_TOKEN, out);
    read_cookies(head, SESSION, CREDENTIAL_SESSION, out);
    drop_unsigned(out);
}

static bool find_text(mp_t auth, const char *key, buf_t *out)
{
    str_t text;
    bool found = mp_find_str(auth, key, &text);
    if (found)
        buf_append_str(out, text);
    return found;
}

/* false: it says nothing. */
static bool read_auth(mp_t auth, credential_t *out)
{
    *out = (credential_t){.kind = CREDENTIAL_TOKEN, .decides = true, .entering = true};
    if (find_text(auth, "token", &out->text) || find_text(auth, ACCESS_TOKEN, &out->text))
        return is_usable(out);
    out->kind = CREDENTIAL_PASSWORD;
    return find_text(auth, "user", &out->text) &&
           (find_text(auth, "pass", &out->password) ||
            find_text(auth, "password", &out->password)) &&
           is_usable(out);
}

static void remove_first(credentials_t *self)
{
    wipe_credential(&self->items[0]);
    self->count--;
    memmove(&self->items[0], &self->items[1], self->count * sizeof self->items[0]);
}

void credentials_drop_auth(credentials_t *self)
{
    if (self->count > 0 && self->items[0].entering)
        remove_first(self);
}

void credentials_add_auth(credentials_t *self, mp_t auth)
{
    credential_t item;
    credentials_drop_auth(self);
    if (!read_auth(auth, &item)) {
        wipe_credential(&item);
        return;
    }
    if (self->count == CREDENTIALS_MAX)
        wipe_credential(&self->items[--self->count]);
    memmove(&self->items[1], &self->items[0], self->count * sizeof self->items[0]);
    self->items[0] = item;
    self->count++;
}

credentials_t *credentials_new(const http_head_t *head)
{
    credentials_t *self = calloc(1, sizeof *self);
    assert(self);
    if (head)
        credentials_read(head, self);
    return self;
}

void credentials_destroy(credentials_t **self_p)
{
    if (!*self_p)
        return;
    credentials_fini(*self_p);
    free(*self_p);
    *self_p = NULL;
}
