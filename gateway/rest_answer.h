/* SPDX-License-Identifier: MIT */
/* The answer of a command (the array of its call-back arguments) as an HTTP answer: status, type
 * and body. Errors become problem details (RFC 9457, before RFC 7807) with a status by their text.
 * Pure functions. */
#ifndef IOBUS_GATEWAY_REST_ANSWER_H
#define IOBUS_GATEWAY_REST_ANSWER_H

#include "gateway/rest_route.h"

#define REST_JSON "application/json; charset=utf-8"
#define REST_PROBLEM "application/problem+json; charset=utf-8"

typedef struct {
    int status;       /* 0: it is no file, the folder is to be asked for (EXISTS) */
    const char *type; /* NULL: no body */
    buf_t body;
} rest_answer_t;

/* args: one array value, errors as text. Caller frees body. */
void rest_answer_read(rest_shape_t shape, mp_t args, rest_answer_t *out);
/* An answer that says why there is no other one. */
void rest_answer_problem(int status, str_t detail, rest_answer_t *out);
/* 403, 404, 413, 503 or 400. */
int rest_answer_status(str_t error);

#endif
