/* SPDX-License-Identifier: MIT */
/* Where the log-in page leads back to. The address comes from whoever made the link, so it must
 * never lead to another server or carry anything but a path into the answer's head. Pure functions.
 *
 *   /vis/index.html?lab#view  -> as it is        //evil.example, /\evil.example  -> refused
 *   /vis/Küche "1"            -> /vis/K%C3%BCche%20%221%22
 *   https://evil.example, index.html, "", anything with a control character      -> refused */
#ifndef IOBUS_GATEWAY_LOGIN_HREF_H
#define IOBUS_GATEWAY_LOGIN_HREF_H

#include "bus/buf.h"

#define LOGIN_HREF_MAX 2048

/* Appends a decoded address as it may stand in a Location header. false: refused, nothing is
 * appended. */
bool login_href_put(str_t href, buf_t *out);
/* The same for an address within another: the value of its parameter href ("/login?href=%2Fvis").
 */
bool login_href_put_inner(str_t address, buf_t *out);
/* Appends text so that it is one value of a query. */
void login_href_encode(str_t text, buf_t *out);

#endif
