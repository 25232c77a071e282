/* SPDX-License-Identifier: MIT */
/* The parts of serving a file over HTTP that need no connection: which file of which storage a path
 * means, what a Range asks for, and how its type is written. Sources: web-clients.md 1 and 1.1,
 * RFC 9110 (14.2). Pure functions. */
#ifndef IOBUS_GATEWAY_HTTP_FILE_H
#define IOBUS_GATEWAY_HTTP_FILE_H

#include "gateway/http_head.h"

/* Finds storage and name of "/vis.0/main/a%20b.png"; appends them decoded. A name that is empty or
 * ends with a slash means index.html. "/lib/..." lies in the storage "web", "/adapter/NAME/..." in
 * "NAME.admin". false: the path names no file of a storage (no slash behind the first part, a NUL).
 *
 *     "/vis/" -> "vis", "index.html"      "/lib/js/a.js" -> "web", "lib/js/a.js"
 */
bool http_file_of(str_t path, buf_t *id, buf_t *name);

/* What a Range of one part asks of size bytes; false: the whole file is answered (no range,
 * several, not bytes, or past the end). */
bool http_file_range(str_t header, uint64_t size, uint64_t *from, uint64_t *to_excluded);

/* Whether content of this type gets smaller by compression. */
bool http_file_compressible(str_t type);
/* Appends the type, with a charset where it is text. "": application/octet-stream. */
void http_file_type(str_t type, buf_t *out);

#endif
