/* SPDX-License-Identifier: MIT */
/* Logging in and out over HTTP: the page /login and its form, /logout, /loginApp, /oauth/token
 * (password and refresh), /getUser and /prolongSession. Without auth on the listener there is
 * nothing to log in to: /login and /logout lead to the start page, the rest does not exist.
 * Sources: auth.md 3.2, 4, 8, 9; RFC 6749 5, RFC 6265. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_LOGIN_PAGES_H
#define IOBUS_GATEWAY_LOGIN_PAGES_H

#include "gateway/http.h"

#define LOGIN_PAGES_MAX_BODY (16u * 1024u)

/* Whether the path (below the base path) is one of these. */
bool login_pages_has(const conn_t *conn, str_t path);
/* Answers the request under way, now or later. */
void login_pages_serve(http_t *http, conn_t *conn, str_t path, str_t body);
/* The page itself, for a request that has to log in first; href: where it leads back to. */
void login_pages_show(http_t *http, conn_t *conn, str_t href);

#endif
