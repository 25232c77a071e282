/* SPDX-License-Identifier: MIT */
/* What a REST request carries, strictly decoded: ids in its path, parameters in its query, values
 * in its body. Unlike http_percent_decode a broken escape is an error here: a script that writes
 * shall learn that it wrote to another id than it meant. Pure functions. */
#ifndef IOBUS_GATEWAY_REST_INPUT_H
#define IOBUS_GATEWAY_REST_INPUT_H

#include "bus/mp.h"

#define REST_ID_MAX 1024 /* bytes of a decoded id or path */

/* Appends the decoded text. false: a broken escape, a control character, not UTF-8, empty, or
 * longer than REST_ID_MAX; then out is as it was. plus: '+' is a blank. */
bool rest_decode(buf_t *out, str_t text, bool plus);

/* Takes the next parameter off the query; both still encoded. false: there is none left. */
bool rest_param_next(str_t *query, str_t *key, str_t *value);

typedef enum { REST_PARAM_ABSENT, REST_PARAM_GIVEN, REST_PARAM_BAD } rest_param_t;

/* Appends the decoded value of the first parameter of that name. An empty one counts as given and
 * appends nothing. */
rest_param_t rest_param_text(str_t query, const char *name, buf_t *out);
/* "", true, on, 1: true; false, off, 0: false. */
rest_param_t rest_param_flag(str_t query, const char *name, bool *out);
/* A finite number. */
rest_param_t rest_param_number(str_t query, const char *name, double *out);

/* How a body is to be read. */
typedef enum {
    REST_BODY_JSON,    /* application/json and all +json */
    REST_BODY_TEXT,    /* text/plain */
    REST_BODY_GUESS,   /* what curl says when it was not told, or nothing */
    REST_BODY_UNKNOWN, /* anything else */
} rest_body_t;
rest_body_t rest_body_of(str_t content_type);

/* Appends the value of a body: JSON as it is; of a text the numbers, true, false and null of JSON,
 * everything else as text without a line end behind it; a guess takes for JSON what begins as an
 * object, a list or a string. ERR_OK, or why not: ERR_JSON, ERR_UTF8, ERR_TOO_DEEP ... */
err_t rest_body_value(buf_t *out, rest_body_t kind, str_t body) MUST_USE;

#endif
