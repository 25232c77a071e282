/* SPDX-License-Identifier: MIT */
/* URLs as clients write them, made ready for libcurl. Nothing here says what may be reached: that
 * is fetch_policy.h. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_FETCH_URL_H
#define IOBUS_ACTORS_FETCH_URL_H

#include "bus/buf.h"

/* Appends the URL as it goes to libcurl: blanks around it removed, tabs and line breaks dropped,
 * bytes behind the host that may not stand in a URL as %XX. NULL on success, else a static text for
 * the client: only http and https are allowed. Source: WHATWG URL, which the original follows.
 * Valid: "http://a/b c" (-> "http://a/b%20c"), "HTTPS://a"; invalid: "", "a/b", "file:///x",
 * "http://". */
const char *fetch_url_fix(buf_t *out, str_t url);

/* Without blanks and control characters around it. */
str_t fetch_url_trim(str_t text);

#endif
