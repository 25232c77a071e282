/* SPDX-License-Identifier: MIT */
/* The places that the web server fills in the first pages of an application (index.html, edit.html
 * at the top of its storage; used by vis-2). Source: wire.md 5.4. Pure functions. */
#ifndef IOBUS_GATEWAY_WEB_FILL_H
#define IOBUS_GATEWAY_WEB_FILL_H

#include "bus/buf.h"

#define WEB_FILL_MAX (256u << 10) /* bytes of a page that is looked through */

/* Whether that file of a storage is such a page. */
bool web_fill_is_wanted(str_t name, uint64_t size);
/* Appends the page, filled. */
void web_fill(str_t page, buf_t *out);

#endif
