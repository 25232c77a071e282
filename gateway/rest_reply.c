/* SPDX-License-Identifier: MIT */
#include "gateway/rest_reply.h"

#include "gateway/listener.h"

void rest_answer_refusal(const session_t *session, rest_answer_t *out)
{
    bool busy = session_refusal(session) == LOGIN_BUSY;
    rest_answer_problem(busy ? 503 : 401, str_of(session_refusal_text(session)), out);
}

/* Who may not read an answer has been refused before (http.c). Without an origin the answer may be
 * kept and shown to anybody, unless who asks matters. */
static void cors(const conn_t *conn, buf_t *out)
{
    str_t origin = conn_head(conn) ? http_head_get(conn_head(conn), "origin") : (str_t){"", 0};
    if (origin.len > 0)
        buf_printf(out,
                   "Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Origin: %.*s\r\n"
                   "Vary: Origin\r\n",
                   STR_ARG(origin));
    else if (!conn_listener(conn)->auth)
        buf_append_cstr(out, "Access-Control-Allow-Origin: *\r\n");
}

void rest_reply_headers(const conn_t *conn, buf_t *out)
{
    buf_append_cstr(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    cors(conn, out);
}

/* What a status asks for. */
static const struct {
    int status;
    const char *line;
} lines[] = {{401, "WWW-Authenticate: Bearer realm=\"iobus\"\r\n"}, {503, "Retry-After: 1\r\n"}};

void rest_reply(conn_t *conn, rest_answer_t *answer, str_t extra)
{
    buf_t headers = {0};
    rest_reply_headers(conn, &headers);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].status == answer->status)
            buf_append_cstr(&headers, lines[i].line);
    }
    buf_append_str(&headers, extra);
    conn_respond(conn, answer->status, answer->type, buf_str(&headers), buf_str(&answer->body));
    buf_fini(&headers);
    buf_fini(&answer->body);
}

void rest_reply_problem(conn_t *conn, int status, str_t detail, str_t extra)
{
    rest_answer_t answer = {0};
    rest_answer_problem(status, detail, &answer);
    rest_reply(conn, &answer, extra);
}
