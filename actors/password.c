/* SPDX-License-Identifier: MIT */
#include "actors/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES 32u /* what one round of SHA-256 gives */

/* --- reading ---------------------------------------------------------------------------------- */

/* The text up to the next '$', which is skipped; false: there is none. */
static bool take_field(str_t *text, str_t *field)
{
    const char *end = text->len ? memchr(text->p, '$', text->len) : NULL;
    if (!end)
        return false;
    *field = (str_t){text->p, (size_t)(end - text->p)};
    text->p = end + 1;
    text->len -= field->len + 1;
    return true;
}

static bool read_iterations(str_t text, uint32_t *out)
{
    uint32_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || number > PASSWORD_ITERATIONS_MAX)
            return false;
        number = number * 10 + (uint32_t)(text.p[i] - '0');
    }
    *out = number;
    return number > 0 && number <= PASSWORD_ITERATIONS_MAX;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_key(str_t text, uint8_t *out)
{
    if (text.len != 2 * PASSWORD_KEY_BYTES)
        return false;
    for (size_t i = 0; i < PASSWORD_KEY_BYTES; i++) {
        int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool password_parse(str_t text, password_hash_t *out)
{
    str_t method, iterations, key;
    *out = (password_hash_t){0};
    if (!take_field(&text, &method) || !str_is(method, "pbkdf2") ||
        !take_field(&text, &iterations) || !read_iterations(iterations, &out->iterations) ||
        !take_field(&text, &key) || !read_key(key, out->key))
        return false;
    out->salt = text;
    return text.len > 0 && text.len <= PASSWORD_SALT_MAX && !memchr(text.p, '$', text.len);
}

/* --- hashing ---------------------------------------------------------------------------------- */

static bool derive(str_t password, str_t salt, uint32_t iterations, uint8_t *out, size_t len)
{
    return PKCS5_PBKDF2_HMAC(password.len ? password.p : "", (int)password.len,
                             (const unsigned char *)salt.p, (int)salt.len, (int)iterations,
                             EVP_sha256(), (int)len, out) == 1;
}

bool password_matches(const password_hash_t *hash, str_t password)
{
    uint8_t key[PASSWORD_KEY_BYTES];
    bool usable = password.len > 0 && password.len <= PASSWORD_MAX;
    if (!usable)
        password = STR_LIT(""); /* at the cost of any other wrong password */
    bool same = derive(password, hash->salt, hash->iterations, key, BLOCK_BYTES) &&
                CRYPTO_memcmp(key, hash->key, BLOCK_BYTES) == 0 &&
                derive(password, hash->salt, hash->iterations, key, sizeof key) &&
                CRYPTO_memcmp(key, hash->key, sizeof key) == 0;
    OPENSSL_cleanse(key, sizeof key);
    return usable && same;
}

void password_waste(uint32_t iterations, str_t password)
{
    const password_hash_t nobody = {.iterations = iterations,
                                    .salt = STR_LIT("00112233445566778899aabbccddeeff")};
    (void)password_matches(&nobody, password); /* nobody has a key of zeros */
}

static void put_hex(buf_t *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        buf_append_byte(out, (uint8_t)digits[bytes[i] >> 4]);
        buf_append_byte(out, (uint8_t)digits[bytes[i] & 15]);
    }
}

bool password_hash(buf_t *out, str_t password, uint32_t iterations, const uint8_t *salt)
{
    uint8_t key[PASSWORD_KEY_BYTES];
    buf_t text = {0};
    put_hex(&text, salt, PASSWORD_SALT_BYTES);
    bool made = !text.failed && derive(password, buf_str(&text), iterations, key, sizeof key);
    if (made) {
        buf_printf(out, "pbkdf2$%u$", iterations);
        put_hex(out, key, sizeof key);
        buf_append_byte(out, '$');
        buf_append_str(out, buf_str(&text));
    }
    OPENSSL_cleanse(key, sizeof key);
    buf_fini(&text);
    return made && !out->failed;
}
