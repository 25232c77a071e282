/* SPDX-License-Identifier: MIT */
#include "actors/cipher.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "bus/json.h"

#define PREFIX "$/aes-192-cbc:"
#define KEY_BYTES 24
#define BLOCK_BYTES 16
#define TEXT_MAX (1u << 24)

/* --- hexadecimal ----------------------------------------------------------------------------- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(str_t text, buf_t *out)
{
    if (text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = digit(text.p[i]), low = digit(text.p[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_append_byte(out, (uint8_t)(16 * high + low));
    }
    return !out->failed;
}

static void put_hex(buf_t *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", bytes[i]);
}

/* --- AES ------------------------------------------------------------------------------------- */

static bool run_aes(buf_t *out, const uint8_t *key, const uint8_t *iv, str_t data, int encrypt)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0, more = 0;
    bool done =
        context && data.len <= TEXT_MAX && buf_reserve(out, data.len + BLOCK_BYTES) &&
        EVP_CipherInit_ex(context, EVP_aes_192_cbc(), NULL, key, iv, encrypt) == 1 &&
        EVP_CipherUpdate(context, out->data, &len, (const uint8_t *)data.p, (int)data.len) == 1 &&
        EVP_CipherFinal_ex(context, out->data + len, &more) == 1;
    EVP_CIPHER_CTX_free(context);
    if (done)
        out->len = (size_t)len + (size_t)more;
    return done;
}

static err_t encrypt_aes(buf_t *out, const uint8_t *key, str_t text, const uint8_t *iv)
{
    buf_t data = {0};
    bool done = run_aes(&data, key, iv, text, 1);
    if (done) {
        buf_append_cstr(out, PREFIX);
        put_hex(out, iv, CIPHER_IV_BYTES);
        buf_append_byte(out, ':');
        put_hex(out, data.data, data.len);
    }
    buf_fini(&data);
    return done && !out->failed ? ERR_OK : ERR_NO_MEMORY;
}

/* text: "IV:DATA" */
static err_t decrypt_aes(buf_t *out, const uint8_t *key, str_t text)
{
    buf_t iv = {0}, data = {0}, plain = {0};
    const char *colon = memchr(text.p, ':', text.len);
    size_t at = colon ? (size_t)(colon - text.p) : 0;
    bool done = colon && from_hex((str_t){text.p, at}, &iv) && iv.len == CIPHER_IV_BYTES &&
                from_hex((str_t){colon + 1, text.len - at - 1}, &data) &&
                run_aes(&plain, key, iv.data, buf_str(&data), 0) &&
                json_utf8_valid(buf_str(&plain));
    if (done)
        buf_append_str(out, buf_str(&plain));
    buf_fini(&iv);
    buf_fini(&data);
    buf_fini(&plain);
    return done ? ERR_OK : ERR_DAMAGED;
}

/* --- XOR ------------------------------------------------------------------------------------- */

/* The next UTF-16 unit of a text; a pair comes as two. The text may hold surrogates of its own
 * (json.h). */
typedef struct {
    str_t text;
    uint32_t low; /* second half of a pair, or 0 */
} units_t;

static bool next_unit(units_t *self, uint32_t *unit)
{
    if (self->low) {
        *unit = self->low;
        self->low = 0;
        return true;
    }
    if (self->text.len == 0)
        return false;
    const uint8_t *p = (const uint8_t *)self->text.p;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    len = len < self->text.len ? len : self->text.len;
    uint32_t code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3f);
    self->text = (str_t){self->text.p + len, self->text.len - len};
    if (code >= 0x10000) {
        self->low = 0xdc00 | ((code - 0x10000) & 0x3ff);
        code = 0xd800 | (((code - 0x10000) >> 10) & 0x3ff);
    }
    *unit = code & 0xffff;
    return true;
}

static void put_code(buf_t *out, uint32_t code)
{
    if (code < 0x80) {
        buf_append_byte(out, (uint8_t)code);
        return;
    }
    if (code >= 0x10000) {
        buf_append_byte(out, (uint8_t)(0xf0 | code >> 18));
        buf_append_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
    } else if (code >= 0x800) {
        buf_append_byte(out, (uint8_t)(0xe0 | code >> 12));
    }
    if (code >= 0x800)
        buf_append_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    else
        buf_append_byte(out, (uint8_t)(0xc0 | code >> 6));
    buf_append_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
}

/* Joins pairs; a half without its other half stays what it is. */
static void put_unit(buf_t *out, uint32_t unit, uint32_t *high)
{
    bool is_low = unit >= 0xdc00 && unit < 0xe000;
    if (*high && is_low) {
        put_code(out, 0x10000 + ((*high & 0x3ff) << 10 | (unit & 0x3ff)));
        *high = 0;
        return;
    }
    if (*high)
        put_code(out, *high);
    *high = unit >= 0xd800 && unit < 0xdc00 ? unit : 0;
    if (!*high)
        put_code(out, unit);
}

static err_t run_xor(buf_t *out, str_t secret, str_t text)
{
    units_t units = {.text = text}, keys = {.text = secret};
    uint32_t unit, key, high = 0;
    while (next_unit(&units, &unit)) {
        if (!next_unit(&keys, &key)) {
            keys = (units_t){.text = secret};
            (void)next_unit(&keys, &key);
        }
        put_unit(out, unit ^ key, &high);
    }
    if (high)
        put_code(out, high);
    return out->failed ? ERR_NO_MEMORY : ERR_OK;
}

/* --- public ---------------------------------------------------------------------------------- */

static bool is_key(str_t secret, buf_t *key)
{
    return secret.len == 2 * KEY_BYTES && from_hex(secret, key);
}

err_t cipher_encrypt(buf_t *out, str_t secret, str_t text, const uint8_t iv[CIPHER_IV_BYTES])
{
    buf_t key = {0};
    if (secret.len == 0)
        return ERR_BAD_ARGS;
    err_t err =
        is_key(secret, &key) ? encrypt_aes(out, key.data, text, iv) : run_xor(out, secret, text);
    buf_fini(&key);
    return err;
}

err_t cipher_decrypt(buf_t *out, str_t secret, str_t text)
{
    buf_t key = {0};
    err_t err = ERR_DAMAGED;
    if (secret.len == 0)
        return ERR_BAD_ARGS;
    if (!str_starts(text, PREFIX)) {
        err = run_xor(out, secret, text);
    } else if (is_key(secret, &key)) {
        size_t len = sizeof PREFIX - 1;
        err = decrypt_aes(out, key.data, (str_t){text.p + len, text.len - len});
    }
    buf_fini(&key);
    return err;
}
