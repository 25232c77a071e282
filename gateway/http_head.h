/* SPDX-License-Identifier: MIT */
/* The head of an HTTP/1 request, strictly (RFC 9112): lines end with CRLF, no folded lines, no
 * blanks before a colon, no control characters, one length. What is ambiguous is refused, because a
 * proxy in front may read it the other way. Also: query parameters, and the body's framing. Pure
 * functions; everything in http_head_t borrows from the text. */
#ifndef IOBUS_GATEWAY_HTTP_HEAD_H
#define IOBUS_GATEWAY_HTTP_HEAD_H

#include "bus/buf.h"

#define HTTP_MAX_HEADERS 64

typedef enum {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_OPTIONS,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OTHER
} http_method_t;

typedef struct {
    str_t name;
    str_t value; /* without blanks around it */
} http_header_t;

typedef struct {
    http_method_t method;
    str_t path;  /* as it came, percent-encoded, from the first slash on */
    str_t query; /* behind the question mark; may be empty */
    bool keep_alive;
    bool http10;
    bool chunked;            /* the body comes in chunks */
    uint64_t content_length; /* of the body, unless chunked */
    bool expects_continue;
    http_header_t headers[HTTP_MAX_HEADERS];
    size_t header_count;
} http_head_t;

/* Length of the head that text starts with, the empty line included; 0: it is not complete yet. */
size_t http_head_length(str_t text);
/* Parses a complete head. 0, or the status to answer: 400, 431 (too many headers), 501 (unknown
 * transfer encoding), 505 (not HTTP/1). */
int http_head_parse(str_t text, http_head_t *out);
/* Value of a header ("" when it is absent; the first, when repeated). name in any case. */
str_t http_head_get(const http_head_t *self, const char *name);
/* Whether a comma-separated header holds a word, in any case: Connection: keep-alive, Upgrade. */
bool http_head_has(const http_head_t *self, const char *name, const char *word);
/* Appends the decoded value of a query parameter (the first of that name); false: there is none. */
bool http_query_get(str_t query, const char *name, buf_t *out);
/* Appends text with %xx decoded (plus: '+' becomes a blank). A broken escape stays as it is. */
void http_percent_decode(buf_t *out, str_t text, bool plus);

/* --- body ------------------------------------------------------------------------------------ */

typedef enum { HTTP_BODY_MORE, HTTP_BODY_DONE, HTTP_BODY_BAD } http_body_result_t;

typedef struct {
    bool chunked;
    uint64_t left;   /* bytes of the body, or of the chunk, still to come */
    int step;        /* of the chunk grammar */
    unsigned digits; /* of the chunk size so far */
} http_body_t;

void http_body_init(http_body_t *self, const http_head_t *head);
/* Takes what belongs to the body out of data, which is advanced; *piece is the next piece of it
 * (may be empty). Call again after MORE while data is left. */
http_body_result_t http_body_feed(http_body_t *self, str_t *data, str_t *piece);

#endif
