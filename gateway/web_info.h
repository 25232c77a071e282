/* SPDX-License-Identifier: MIT */
/* The script _socket/info.js, which old pages load before they connect: where the socket is (on
 * this very port), and the language of the installation. Source: web-clients.md 1.2, wire.md 5.3.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_WEB_INFO_H
#define IOBUS_GATEWAY_WEB_INFO_H

#include "gateway/conn.h"
#include "gateway/core.h"

/* Answers the request under way, now or when system.config has been read. */
void web_info_answer(core_t *core, conn_t *conn);

#endif
