/* SPDX-License-Identifier: MIT */
/* Input: a URL. What goes to libcurl begins with one of two schemes and has nothing in it that
 * could end a line of a request; a URL that is fine stays as it is. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <strings.h>

#include "actors/fetch_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buf_t once = {0}, twice = {0};
    if (!fetch_url_fix(&once, (str_t){(const char *)data, size})) {
        str_t url = buf_str(&once);
        bool plain = url.len > 7 && strncasecmp(url.p, "http://", 7) == 0;
        bool tls = url.len > 8 && strncasecmp(url.p, "https://", 8) == 0;
        assert(plain || tls);
        (void)plain, (void)tls;
        for (size_t i = 0; i < url.len; i++)
            assert((unsigned char)url.p[i] > ' ' && url.p[i] != 0x7f);
        const char *error = fetch_url_fix(&twice, url);
        assert(error || str_eq(buf_str(&twice), url));
        (void)error;
    }
    buf_fini(&once);
    buf_fini(&twice);
    return 0;
}
