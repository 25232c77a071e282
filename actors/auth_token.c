/* SPDX-License-Identifier: MIT */
#include "actors/auth_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "actors/base64.h"

static const char digits[] = "0123456789abcdef";

/* --- hashes ----------------------------------------------------------------------------------- */

auth_hash_t auth_hash_of(str_t secret)
{
    auth_hash_t hash;
    SHA256((const unsigned char *)secret.p, secret.len, hash.bytes);
    return hash;
}

bool auth_hash_eq(const auth_hash_t *a, const auth_hash_t *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void put_hex(buf_t *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf_append_byte(out, (uint8_t)digits[bytes[i] >> 4]);
        buf_append_byte(out, (uint8_t)digits[bytes[i] & 15]);
    }
}

void auth_hash_put(buf_t *out, const auth_hash_t *hash)
{
    put_hex(out, hash->bytes, sizeof hash->bytes);
}

/* -1: no digit. */
static int digit_of(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool auth_hash_read(str_t text, auth_hash_t *out)
{
    if (text.len != 2 * sizeof out->bytes)
        return false;
    for (size_t i = 0; i < sizeof out->bytes; i++) {
        int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* --- ids and tokens --------------------------------------------------------------------------- */

void auth_sid_put(buf_t *out, const uint8_t random[AUTH_SID_RANDOM])
{
    size_t at = out->len;
    base64_encode(out, (str_t){(const char *)random, AUTH_SID_RANDOM});
    for (size_t i = at; i < out->len; i++) {
        if (out->data[i] == '+')
            out->data[i] = '-';
        else if (out->data[i] == '/')
            out->data[i] = '_';
    }
}

void auth_token_put(buf_t *out, const uint8_t random[AUTH_TOKEN_RANDOM])
{
    put_hex(out, random, AUTH_TOKEN_RANDOM);
}

/* --- cookies ---------------------------------------------------------------------------------- */

/* Standard base64 without its padding. */
static void put_signature(buf_t *out, str_t sid, str_t secret)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    HMAC(EVP_sha256(), secret.p, (int)secret.len, (const unsigned char *)sid.p, sid.len, mac, &len);
    base64_encode(out, (str_t){(const char *)mac, len});
    while (out->len > 0 && out->data[out->len - 1] == '=')
        out->len--;
}

void auth_cookie_put(buf_t *out, str_t sid, str_t secret)
{
    buf_t signature = {0};
    put_signature(&signature, sid, secret);
    buf_append_cstr(out, "s%3A");
    buf_append_str(out, sid);
    buf_append_byte(out, '.');
    for (size_t i = 0; i < signature.len; i++) {
        uint8_t c = signature.data[i];
        if (c == '+' || c == '/')
            buf_printf(out, "%%%02X", c);
        else
            buf_append_byte(out, c);
    }
    out->failed = out->failed || signature.failed;
    buf_fini(&signature);
}

static int loose_digit(char c)
{
    return digit_of(c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
}

/* What is no percent sequence stays as it is. */
static void decode_percent(buf_t *out, str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        int high = text.p[i] == '%' && i + 2 < text.len ? loose_digit(text.p[i + 1]) : -1;
        int low = high >= 0 ? loose_digit(text.p[i + 2]) : -1;
        if (low >= 0) {
            buf_append_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            buf_append_byte(out, (uint8_t)text.p[i]);
        }
    }
}

/* value: decoded, behind "s:". */
static bool is_signed(str_t value, str_t secret, str_t *sid)
{
    const char *dot = value.len ? memrchr(value.p, '.', value.len) : NULL;
    buf_t right = {0};
    if (!dot)
        return false;
    *sid = (str_t){value.p, (size_t)(dot - value.p)};
    str_t given = {dot + 1, value.len - sid->len - 1};
    put_signature(&right, *sid, secret);
    bool same = !right.failed && sid->len > 0 && given.len == right.len &&
                CRYPTO_memcmp(given.p, right.data, right.len) == 0;
    buf_fini(&right);
    return same;
}

auth_cookie_t auth_cookie_read(str_t value, str_t secret, buf_t *sid)
{
    auth_cookie_t found = AUTH_COOKIE_UNSIGNED;
    buf_t decoded = {0};
    str_t id;
    if (value.len <= AUTH_TEXT_MAX)
        decode_percent(&decoded, value);
    str_t text = buf_str(&decoded);
    if (str_starts(text, "s:")) {
        bool right = is_signed((str_t){text.p + 2, text.len - 2}, secret, &id);
        found = right ? AUTH_COOKIE_SIGNED : AUTH_COOKIE_FORGED;
        if (right)
            buf_append_str(sid, id);
    }
    buf_fini(&decoded);
    return found;
}
