/* SPDX-License-Identifier: MIT */
/* Text between bytes and JavaScript's strings, as node converts it. A string is UTF-8 in which lone
 * surrogates stand as their three-byte form (json.h). Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_JS_TEXT_H
#define IOBUS_ACTORS_JS_TEXT_H

#include "bus/buf.h"

/* Appends Buffer.from(text, 'utf8'): a lone surrogate becomes U+FFFD. */
void js_text_to_bytes(buf_t *out, str_t text);
/* Appends bytes.toString('utf8'): each longest piece that cannot be the start of a character
 * becomes one U+FFFD. Source: WHATWG Encoding, "UTF-8 decode". */
void js_text_from_bytes(buf_t *out, str_t bytes);
/* Appends encodeURIComponent(text) of valid UTF-8. */
void js_text_uri_component(buf_t *out, str_t text);

#endif
