/* SPDX-License-Identifier: MIT */
#include "gateway/http_head.h"

#include <string.h>
#include <strings.h>

#define MAX_CHUNK_DIGITS 15
#define MAX_TRAILER 4096

static bool is_token(char c)
{
    return c > ' ' && c < 127 && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static str_t trim(str_t text)
{
    while (text.len > 0 && is_blank(text.p[0]))
        text = (str_t){text.p + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.p[text.len - 1]))
        text.len--;
    return text;
}

static bool same_word(str_t a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.p, b, a.len) == 0;
}

size_t http_head_length(str_t text)
{
    const char *end = text.len ? memmem(text.p, text.len, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - text.p) + 4 : 0;
}

/* --- request line ---------------------------------------------------------------------------- */

static http_method_t method_of(str_t word)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_is(word, names[i]))
            return (http_method_t)i;
    }
    return HTTP_OTHER;
}

/* Cuts text at the first `c`; false: it does not occur. */
static bool cut(str_t *text, char c, str_t *before)
{
    const char *at = text->len ? memchr(text->p, c, text->len) : NULL;
    if (!at)
        return false;
    size_t n = (size_t)(at - text->p);
    *before = (str_t){text->p, n};
    *text = (str_t){at + 1, text->len - n - 1};
    return true;
}

/* "/path?query", "http://host/path?query" (a proxy's form) or "*". */
static int parse_target(str_t target, http_head_t *out)
{
    str_t before;
    for (size_t i = 0; i < target.len; i++) {
        if (target.p[i] <= ' ' || target.p[i] == 127)
            return 400;
    }
    if (target.len > 7 && strncasecmp(target.p, "http://", 7) == 0) {
        const char *slash = memchr(target.p + 7, '/', target.len - 7);
        if (!slash)
            return 400;
        target = (str_t){slash, target.len - (size_t)(slash - target.p)};
    }
    if (target.len == 0 || (target.p[0] != '/' && !str_is(target, "*")))
        return 400;
    out->path = target;
    out->query = (str_t){target.p + target.len, 0};
    if (cut(&target, '?', &before)) {
        out->path = before;
        out->query = target;
    }
    return 0;
}

static int parse_request_line(str_t line, http_head_t *out)
{
    str_t method, target;
    if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || method.len == 0)
        return 400;
    for (size_t i = 0; i < method.len; i++) {
        if (!is_token(method.p[i]))
            return 400;
    }
    out->method = method_of(method);
    out->http10 = str_is(line, "HTTP/1.0");
    if (!out->http10 && !str_is(line, "HTTP/1.1"))
        return str_starts(line, "HTTP/") ? 505 : 400;
    out->keep_alive = !out->http10;
    return parse_target(target, out);
}

/* --- headers --------------------------------------------------------------------------------- */

static int parse_header(str_t line, http_head_t *out)
{
    str_t name;
    if (out->header_count == HTTP_MAX_HEADERS)
        return 431;
    if (!cut(&line, ':', &name) || name.len == 0)
        return 400;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token(name.p[i]))
            return 400;
    }
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = (uint8_t)line.p[i];
        if ((c < ' ' && c != '\t') || c == 127)
            return 400;
    }
    out->headers[out->header_count++] = (http_header_t){name, trim(line)};
    return 0;
}

/* Digits only, and the same value when it is repeated. */
static int take_length(http_head_t *out, str_t value, bool *seen)
{
    uint64_t n = 0;
    if (value.len == 0 || value.len > 18)
        return 400;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return 400;
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (*seen && n != out->content_length)
        return 400;
    *seen = true;
    out->content_length = n;
    return 0;
}

static int take_framing(http_head_t *out)
{
    bool length_seen = false;
    for (size_t i = 0; i < out->header_count; i++) {
        const http_header_t *header = &out->headers[i];
        int status = 0;
        if (same_word(header->name, "content-length")) {
            status = take_length(out, header->value, &length_seen);
        } else if (same_word(header->name, "transfer-encoding")) {
            status = out->chunked || !same_word(header->value, "chunked") ? 501 : 0;
            out->chunked = true;
        }
        if (status != 0)
            return status;
    }
    return out->chunked && (length_seen || out->http10) ? 400 : 0;
}

static void take_connection(http_head_t *out)
{
    if (http_head_has(out, "connection", "close"))
        out->keep_alive = false;
    else if (http_head_has(out, "connection", "keep-alive"))
        out->keep_alive = true;
    out->expects_continue = same_word(http_head_get(out, "expect"), "100-continue");
}

/* The next line without its CRLF; a CR or LF of its own makes the head bad. */
static int next_line(str_t *text, str_t *line)
{
    if (!cut(text, '\n', line) || line->len == 0 || line->p[line->len - 1] != '\r')
        return 400;
    line->len--;
    return line->len && memchr(line->p, '\r', line->len) ? 400 : 0;
}

int http_head_parse(str_t text, http_head_t *out)
{
    str_t line;
    memset(out, 0, sizeof *out);
    int status = next_line(&text, &line);
    if (status == 0)
        status = parse_request_line(line, out);
    while (status == 0) {
        status = next_line(&text, &line);
        if (status == 0 && line.len == 0)
            break;
        if (status == 0)
            status = parse_header(line, out);
    }
    if (status == 0)
        status = take_framing(out);
    if (status == 0)
        take_connection(out);
    return status;
}

str_t http_head_get(const http_head_t *self, const char *name)
{
    for (size_t i = 0; i < self->header_count; i++) {
        if (same_word(self->headers[i].name, name))
            return self->headers[i].value;
    }
    return (str_t){"", 0};
}

bool http_head_has(const http_head_t *self, const char *name, const char *word)
{
    for (size_t i = 0; i < self->header_count; i++) {
        if (!same_word(self->headers[i].name, name))
            continue;
        str_t rest = self->headers[i].value, item;
        while (cut(&rest, ',', &item)) {
            if (same_word(trim(item), word))
                return true;
        }
        if (same_word(trim(rest), word))
            return true;
    }
    return false;
}

/* --- query ----------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void http_percent_decode(buf_t *out, str_t text, bool plus)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '%' && i + 2 < text.len && hex_digit(text.p[i + 1]) >= 0 &&
            hex_digit(text.p[i + 2]) >= 0) {
            c = (char)(hex_digit(text.p[i + 1]) * 16 + hex_digit(text.p[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        buf_append_byte(out, (uint8_t)c);
    }
}

bool http_query_get(str_t query, const char *name, buf_t *out)
{
    while (query.len > 0) {
        str_t pair = query, key;
        query = cut(&query, '&', &pair) ? query : (str_t){query.p + query.len, 0};
        str_t value = pair;
        if (!cut(&value, '=', &key)) {
            key = pair;
            value = (str_t){"", 0};
        }
        if (str_is(key, name)) {
            http_percent_decode(out, value, true);
            return true;
        }
    }
    return false;
}

/* --- body ------------------------------------------------------------------------------------ */

enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_CR, CHUNK_LF, CHUNK_TRAILER };

void http_body_init(http_body_t *self, const http_head_t *head)
{
    *self =
        (http_body_t){.chunked = head->chunked, .left = head->chunked ? 0 : head->content_length};
}

static str_t take(str_t *data, uint64_t at_most)
{
    str_t piece = {data->p, data->len < at_most ? data->len : (size_t)at_most};
    *data = (str_t){data->p + piece.len, data->len - piece.len};
    return piece;
}

static http_body_result_t chunk_size_done(http_body_t *self)
{
    bool last = self->left == 0;
    if (self->digits == 0)
        return HTTP_BODY_BAD;
    self->step = last ? CHUNK_TRAILER : CHUNK_DATA;
    self->digits = 0; /* counts the trailer from here on */
    return HTTP_BODY_MORE;
}

/* Trailer fields are thrown away; `left` says how many bytes the line has. */
static http_body_result_t chunk_trailer(http_body_t *self, char c)
{
    if (++self->digits > MAX_TRAILER)
        return HTTP_BODY_BAD;
    if (c == '\n' && self->left == 0)
        return HTTP_BODY_DONE;
    if (c == '\n')
        self->left = 0;
    else if (c != '\r')
        self->left++;
    return HTTP_BODY_MORE;
}

static http_body_result_t chunk_size(http_body_t *self, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        self->left = self->left * 16 + (uint64_t)digit;
        return ++self->digits > MAX_CHUNK_DIGITS ? HTTP_BODY_BAD : HTTP_BODY_MORE;
    }
    self->step = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return c == '\r' || c == ';' || is_blank(c) ? HTTP_BODY_MORE : HTTP_BODY_BAD;
}

static http_body_result_t chunk_byte(http_body_t *self, char c)
{
    switch (self->step) {
    case CHUNK_SIZE:
        return chunk_size(self, c);
    case CHUNK_EXTENSION:
        if (c == '\r')
            self->step = CHUNK_SIZE_LF;
        return c == '\n' || ++self->digits > MAX_TRAILER ? HTTP_BODY_BAD : HTTP_BODY_MORE;
    case CHUNK_SIZE_LF:
        return c == '\n' ? chunk_size_done(self) : HTTP_BODY_BAD;
    case CHUNK_CR:
        self->step = CHUNK_LF;
        return c == '\r' ? HTTP_BODY_MORE : HTTP_BODY_BAD;
    case CHUNK_LF:
        self->step = CHUNK_SIZE;
        return c == '\n' ? HTTP_BODY_MORE : HTTP_BODY_BAD;
    default:
        return chunk_trailer(self, c);
    }
}

http_body_result_t http_body_feed(http_body_t *self, str_t *data, str_t *piece)
{
    *piece = (str_t){data->p, 0};
    if (!self->chunked) {
        *piece = take(data, self->left);
        self->left -= piece->len;
        return self->left == 0 ? HTTP_BODY_DONE : HTTP_BODY_MORE;
    }
    while (data->len > 0) {
        if (self->step == CHUNK_DATA) {
            *piece = take(data, self->left);
            self->left -= piece->len;
            if (self->left == 0)
                self->step = CHUNK_CR;
            return HTTP_BODY_MORE;
        }
        http_body_result_t result = chunk_byte(self, take(data, 1).p[0]);
        if (result != HTTP_BODY_MORE)
            return result;
    }
    return HTTP_BODY_MORE;
}
