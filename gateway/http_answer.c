/* SPDX-License-Identifier: MIT */
#include "gateway/http_answer.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#define KEY_MAX 64

static const struct {
    int status;
    const char *text;
} statuses[] = {{100, "Continue"},
                {101, "Switching Protocols"},
                {200, "OK"},
                {201, "Created"},
                {202, "Accepted"},
                {204, "No Content"},
                {206, "Partial Content"},
                {302, "Found"},
                {304, "Not Modified"},
                {307, "Temporary Redirect"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {408, "Request Timeout"},
                {409, "Conflict"},
                {413, "Payload Too Large"},
                {415, "Unsupported Media Type"},
                {429, "Too Many Requests"},
                {431, "Request Header Fields Too Large"},
                {500, "Internal Server Error"},
                {501, "Not Implemented"},
                {502, "Bad Gateway"},
                {503, "Service Unavailable"},
                {504, "Gateway Timeout"},
                {505, "HTTP Version Not Supported"}};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status)
            return statuses[i].text;
    }
    return "Unknown";
}

void http_answer_head(buf_t *out, const http_head_t *request, int status, const char *type,
                      str_t headers, size_t length, bool keep)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
    if (type)
        buf_printf(out, "Content-Type: %s\r\n", type);
    if (length == HTTP_LENGTH_UNKNOWN && !(request && request->http10))
        buf_append_cstr(out, "Transfer-Encoding: chunked\r\n");
    else if (length != HTTP_LENGTH_UNKNOWN && status != 204 && status != 304)
        buf_printf(out, "Content-Length: %zu\r\n", length);
    if (!keep)
        buf_append_cstr(out, "Connection: close\r\n");
    else if (request && request->http10)
        buf_append_cstr(out, "Connection: keep-alive\r\n");
    buf_append_str(out, headers);
    buf_append_cstr(out, "\r\n");
}

bool http_asks_websocket(const http_head_t *request)
{
    str_t key = http_head_get(request, "sec-websocket-key");
    return request->method == HTTP_GET && !request->http10 &&
           http_head_has(request, "upgrade", "websocket") &&
           http_head_has(request, "connection", "upgrade") && key.len > 0 && key.len <= KEY_MAX &&
           str_is(http_head_get(request, "sec-websocket-version"), "13");
}

static void accept_key(str_t key, buf_t *out)
{
    unsigned char hash[SHA_DIGEST_LENGTH], text[32];
    buf_t joined = {0};
    buf_append_str(&joined, key);
    buf_append_cstr(&joined, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    SHA1(joined.data, joined.len, hash);
    EVP_EncodeBlock(text, hash, sizeof hash);
    buf_append_cstr(out, (const char *)text);
    buf_fini(&joined);
}

/* Of a list of subprotocols the first is taken, as the original does. */
static str_t first_protocol(const http_head_t *request)
{
    str_t list = http_head_get(request, "sec-websocket-protocol");
    const char *comma = list.len ? memchr(list.p, ',', list.len) : NULL;
    if (comma)
        list.len = (size_t)(comma - list.p);
    while (list.len > 0 && list.p[list.len - 1] == ' ')
        list.len--;
    return list;
}

void http_accept_websocket(buf_t *out, const http_head_t *request, const char *extensions)
{
    str_t protocol = first_protocol(request);
    buf_append_cstr(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    accept_key(http_head_get(request, "sec-websocket-key"), out);
    if (protocol.len > 0)
        buf_printf(out, "\r\nSec-WebSocket-Protocol: %.*s", STR_ARG(protocol));
    if (extensions)
        buf_printf(out, "\r\nSec-WebSocket-Extensions: %s", extensions);
    buf_append_cstr(out, "\r\n\r\n");
}
