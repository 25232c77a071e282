/* SPDX-License-Identifier: MIT */
/* Which row of the REST table a request means, and what it asks for: the command of the command
 * table with its arguments, and how the answer is to be written. The table is the same list that
 * www/openapi.json describes (a test compares them).
 *
 *     rest_source_t source = {.method = HTTP_GET, .path = STR_LIT("/api/state/lamp.0.on")};
 *     rest_request_t request;
 *     int status = rest_route_read(&source, &request);   // 0; else request.detail says why
 *     ... request.command, request.args ...
 *     rest_request_fini(&request);
 *
 * Pure functions. */
#ifndef IOBUS_GATEWAY_REST_ROUTE_H
#define IOBUS_GATEWAY_REST_ROUTE_H

#include "bus/mp.h"
#include "gateway/http_head.h"

/* What is done with a request. */
typedef enum {
    REST_CALL,    /* the command is called with args */
    REST_INDEX,   /* the list of what there is */
    REST_OPENAPI, /* the description file */
    REST_EVENTS,  /* a stream; args is a list of calls [name, arguments] that subscribe */
    REST_OPTIONS  /* what the path allows */
} rest_kind_t;

/* How the answer of the call is written. */
typedef enum {
    REST_VALUE,   /* the second argument as JSON; 404 when it is null */
    REST_PLAIN,   /* the value of the state as plain text */
    REST_NOTHING, /* 204 */
    REST_ID,      /* {id}, of the second argument */
    REST_HISTORY, /* {result, step} */
    REST_EXISTS,  /* whether it is a file: then its address, else the folder of that name */
    REST_FOLDER   /* the second argument; 404 when the list is empty */
} rest_shape_t;

typedef struct rest_route rest_route_t;

typedef struct {
    http_method_t method; /* HEAD counts as GET */
    str_t path;           /* below the base path, encoded */
    str_t query;
    str_t content_type;
    str_t body;
} rest_source_t;

typedef struct {
    rest_kind_t kind;
    const rest_route_t *route; /* NULL: OPTIONS, or refused */
    rest_shape_t shape;
    const char *command; /* of the command table; static */
    buf_t args;          /* one array value */
    buf_t more;          /* EVENTS: calls that read what is watched, as args; EXISTS: arguments of
                            the command that lists the folder */
    bool initial;        /* EVENTS: begin with the current values */
    str_t rest;          /* what stands for the placeholder in the path, encoded; borrowed */
    unsigned allowed;    /* bits of the methods that the path has: 1 << http_method_t */
    const char *detail;  /* of a refusal; static */
} rest_request_t;

/* 0, or the status to answer: 400, 404, 405, 415. Caller calls rest_request_fini in any case. */
int rest_route_read(const rest_source_t *source, rest_request_t *out);
void rest_request_fini(rest_request_t *self);
/* After EXISTS said no: the request is now for the folder of that name. */
void rest_request_list(rest_request_t *self);
/* Appends "GET, HEAD, PUT, OPTIONS". */
void rest_allowed_text(unsigned allowed, buf_t *out);

/* --- the table --- */
struct rest_route {
    const char *path;     /* "/api/state/{id}": the placeholder takes the rest, slashes included */
    http_method_t method; /* GET, PUT or DELETE */
    rest_kind_t kind;
    const char *command; /* of the command table; NULL: none */
    rest_shape_t shape;
    const char *summary; /* one line for people */
    /* Fills args; NULL: no arguments. 0 or a status with detail. */
    int (*build)(const rest_source_t *source, rest_request_t *out);
};
/* Ends with path NULL. */
const rest_route_t *rest_routes(void);

#endif
