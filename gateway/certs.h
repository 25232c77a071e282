/* SPDX-License-Identifier: MIT */
/* Where the listeners' certificate comes from, and when it is read again: files (tls-cert, tls-key,
 * tls-chain), which are looked at every second and at a reload, or the object system.certificates
 * (tls-certificate-object), at every change of it. What cannot be used is logged (GW-TLS-BAD) and
 * the one before stays. Thread contract: gateway thread; reads small files. */
#ifndef IOBUS_GATEWAY_CERTS_H
#define IOBUS_GATEWAY_CERTS_H

#include "bus/config.h"
#include "bus/requests.h"
#include "gateway/metrics.h"
#include "gateway/tls.h"

typedef struct certs certs_t;

/* Borrowed: both. Caller owns. */
certs_t *certs_new(requests_t *requests, metrics_t *metrics);
void certs_destroy(certs_t **self_p);
/* Takes the keys of the configuration and reads the files, or asks for the object. ERR_CONFIG,
 * ERR_IO: there is nothing usable in the files, one line in why. */
err_t certs_configure(certs_t *self, const config_t *config, int64_t mono_ms, buf_t *why) MUST_USE;
/* The same for a reload: what is wrong is logged. */
void certs_reload(certs_t *self, const config_t *config, int64_t mono_ms);
/* Once a second. */
void certs_tick(certs_t *self, int64_t mono_ms);
/* The object may have changed. */
void certs_ask(certs_t *self, int64_t mono_ms);
/* Whether the first answer is there; for files at once. */
bool certs_is_settled(const certs_t *self);
/* Why there is no certificate: the last error; "" when none was met. */
str_t certs_error(const certs_t *self);
/* What new connections get, or NULL. Borrowed. */
tls_t *certs_current(const certs_t *self);

#endif
