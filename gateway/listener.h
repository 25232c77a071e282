/* SPDX-License-Identifier: MIT */
/* A listening port and its settings: "HOST:PORT[,key=value...]". Keys that are not given come from
 * the configuration's keys of the same name. "[::1]:8084" for IPv6; an empty host or * means all
 * addresses. Thread contract: immutable after parsing. */
#ifndef IOBUS_GATEWAY_LISTENER_H
#define IOBUS_GATEWAY_LISTENER_H

#include "bus/config.h"

typedef struct listener {
    char *host;          /* "127.0.0.1", "::1", "" for all addresses */
    int port;            /* as configured; 0: any free one */
    int bound_port;      /* the real one, filled in when it listens */
    bool auth;           /* ask for credentials */
    bool admin;          /* offer the administrator's commands */
    char *instance;      /* "socketio.0" */
    char *adapter;       /* "socketio" */
    char *from;          /* "system.adapter.socketio.0" */
    char *default_user;  /* "system.user.admin": who clients are without credentials */
    char *base_path;     /* "" or "/iobus": prefix below a proxy */
    bool tls;            /* speaks HTTPS */
    bool proxy_protocol; /* trusted proxies send a PROXY header first */
    int redirect;        /* where plain HTTP is sent to: a port, 0: nowhere, -1: the right one */
    bool plain_client;   /* pages get the client library of the plain WebSocket */
} listener_t;

/* Parses one value of the configuration's list `listen`. On error one line in why. Caller owns. */
err_t listener_parse(const char *text, const config_t *config, listener_t **out,
                     buf_t *why) MUST_USE;
void listener_destroy(listener_t **self_p);
/* Whether only this machine can reach it. */
bool listener_is_loopback(const listener_t *self);
/* Appends "http://127.0.0.1:8084", or with https. */
void listener_url(const listener_t *self, buf_t *out);

#endif
