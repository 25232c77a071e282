/* SPDX-License-Identifier: MIT */
/* What strangers send as proof, and what a damaged disk may hold: the first byte chooses what the
 * rest is read as. Properties: only what we signed is a session, and its id is what was signed;
 * records and hashes that are read are written as they were; the address of an address is itself.
 */
#include <assert.h>
#include <string.h>

#include "actors/auth_lock.h"
#include "actors/auth_store.h"
#include "actors/password.h"
#include "tests/fuzz/fuzz.h"

#define SECRET STR_LIT("Zgfr56gFe87jJOM")

static void read_cookie(str_t text)
{
    buf_t sid = {0}, again = {0}, back = {0};
    auth_cookie_t found = auth_cookie_read(text, SECRET, &sid);
    assert((found == AUTH_COOKIE_SIGNED) == (sid.len > 0));
    if (found == AUTH_COOKIE_SIGNED) {
        auth_cookie_put(&again, buf_str(&sid), SECRET);
        if (!memchr(sid.data, '%', sid.len)) {
            assert(auth_cookie_read(buf_str(&again), SECRET, &back) == AUTH_COOKIE_SIGNED);
            assert(str_eq(buf_str(&sid), buf_str(&back)));
        }
        buf_reset(&back);
        assert(auth_cookie_read(text, STR_LIT("another secret"), &back) == AUTH_COOKIE_FORGED);
    }
    buf_fini(&sid);
    buf_fini(&again);
    buf_fini(&back);
}

/* Any id of ours goes round, whatever its bytes are made of. */
static void make_cookie(str_t text)
{
    uint8_t random[AUTH_SID_RANDOM] = {0};
    buf_t sid = {0}, cookie = {0}, back = {0};
    memcpy(random, text.len ? text.p : "", text.len < sizeof random ? text.len : sizeof random);
    auth_sid_put(&sid, random);
    assert(sid.len == AUTH_SID_LEN);
    auth_cookie_put(&cookie, buf_str(&sid), text);
    assert(auth_cookie_read(buf_str(&cookie), text, &back) == AUTH_COOKIE_SIGNED);
    assert(str_eq(buf_str(&sid), buf_str(&back)));
    buf_fini(&sid);
    buf_fini(&cookie);
    buf_fini(&back);
}

static void read_record(str_t text)
{
    const auth_hash_t hash = {{0}};
    buf_t once = {0}, twice = {0};
    auth_record_t *record = auth_record_read(&hash, text);
    if (record) {
        auth_record_put(&once, record);
        auth_record_destroy(&record);
        record = auth_record_read(&hash, buf_str(&once));
        assert(record);
        auth_record_put(&twice, record);
        assert(str_eq(buf_str(&once), buf_str(&twice)));
    }
    auth_record_destroy(&record);
    buf_fini(&once);
    buf_fini(&twice);
}

static void read_password_hash(str_t text)
{
    password_hash_t hash;
    if (!password_parse(text, &hash))
        return;
    assert(hash.iterations > 0 && hash.iterations <= PASSWORD_ITERATIONS_MAX);
    assert(hash.salt.len > 0 && hash.salt.len <= PASSWORD_SALT_MAX);
    assert(hash.salt.p + hash.salt.len == text.p + text.len);
}

static void read_hash(str_t text)
{
    auth_hash_t hash;
    buf_t again = {0};
    if (auth_hash_read(text, &hash)) {
        auth_hash_put(&again, &hash);
        assert(str_eq(text, buf_str(&again)));
    }
    buf_fini(&again);
}

static void read_address(str_t text)
{
    buf_t once = {0}, twice = {0};
    auth_lock_address(&once, text);
    auth_lock_address(&twice, buf_str(&once));
    assert(str_eq(buf_str(&once), buf_str(&twice)));
    buf_fini(&once);
    buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(str_t text) = {read_cookie,        make_cookie, read_record,
                                                  read_password_hash, read_hash,   read_address};
    if (size > 0)
        readers[(uint8_t)(data[0] - '0') % 6]((str_t){(const char *)data + 1, size - 1});
    return 0;
}
