/* SPDX-License-Identifier: MIT */
#include "gateway/http_accept.h"

#include <string.h>
#include <strings.h>

static void skip(str_t *text, size_t n)
{
    text->p += n;
    text->len -= n;
}

static void skip_blanks(str_t *text, const char *also)
{
    while (text->len > 0 && (text->p[0] == ' ' || text->p[0] == '\t' || strchr(also, text->p[0])))
        skip(text, 1);
}

/* --- entity tags ----------------------------------------------------------------------------- */

/* Takes the next tag with its quotes; false: there is none, or it is not well-formed. */
static bool next_tag(str_t *list, str_t *tag)
{
    skip_blanks(list, ",");
    if (str_starts(*list, "W/"))
        skip(list, 2);
    if (list->len < 2 || list->p[0] != '"')
        return false;
    const char *end = memchr(list->p + 1, '"', list->len - 1);
    if (!end)
        return false;
    *tag = (str_t){list->p, (size_t)(end - list->p) + 1};
    skip(list, tag->len);
    skip_blanks(list, "");
    return list->len == 0 || list->p[0] == ',';
}

bool http_has_etag(str_t list, str_t tag)
{
    str_t item;
    if (str_is(list, "*"))
        return true;
    while (next_tag(&list, &item)) {
        if (str_eq(item, tag))
            return true;
    }
    return false;
}

bool http_is_known(const http_head_t *head, str_t tag)
{
    str_t list = http_head_get(head, "if-none-match");
    return list.len > 0 && !http_head_has(head, "cache-control", "no-cache") &&
           http_has_etag(list, tag);
}

/* --- encodings ------------------------------------------------------------------------------- */

static const char *const names[] = {
    [ENCODING_BROTLI] = "br", [ENCODING_GZIP] = "gzip", [ENCODING_DEFLATE] = "deflate"};

const char *encoding_name(encoding_t encoding)
{
    return encoding < ENCODING_NONE ? names[encoding] : NULL;
}

/* The part before a separator, without blanks; moves behind the separator. */
static str_t cut(str_t *text, char separator)
{
    const char *end = text->len ? memchr(text->p, separator, text->len) : NULL;
    str_t part = {text->p, end ? (size_t)(end - text->p) : text->len};
    skip(text, part.len + (end ? 1 : 0));
    skip_blanks(&part, "");
    while (part.len > 0 && (part.p[part.len - 1] == ' ' || part.p[part.len - 1] == '\t'))
        part.len--;
    return part;
}

/* "0.5" in thousandths; -1: it is no weight. */
static int parse_weight(str_t text)
{
    int value = 0;
    if (text.len == 0 || text.len > 5 || (text.p[0] != '0' && text.p[0] != '1') ||
        (text.len > 1 && text.p[1] != '.'))
        return -1;
    for (size_t i = 0; i < 5; i++) {
        char c = i < text.len ? text.p[i] : '0';
        if (i == 1)
            continue;
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    return value <= 1000 ? value : -1;
}

/* Weight of one element of the list, whose name is left in item. What cannot be read has none. */
static int weight_of(str_t *item)
{
    str_t parameters = *item;
    *item = cut(&parameters, ';');
    int weight = 1000;
    while (parameters.len > 0) {
        str_t value = cut(&parameters, ';');
        str_t key = cut(&value, '=');
        if (key.len == 1 && (key.p[0] | 0x20) == 'q')
            weight = parse_weight(value);
    }
    return weight > 0 ? weight : 0;
}

static bool is_word(str_t text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.p, word, text.len) == 0;
}

encoding_t http_best_encoding(str_t list)
{
    int weights[ENCODING_NONE] = {-1, -1, -1}, others = 0;
    while (list.len > 0) {
        str_t item = cut(&list, ',');
        int weight = weight_of(&item);
        if (is_word(item, "*"))
            others = weight;
        for (size_t i = 0; i < ENCODING_NONE; i++) {
            if (is_word(item, names[i]) || (i == ENCODING_GZIP && is_word(item, "x-gzip")))
                weights[i] = weight;
        }
    }
    encoding_t best = ENCODING_NONE;
    int most = 0;
    for (size_t i = 0; i < ENCODING_NONE; i++) {
        int weight = weights[i] >= 0 ? weights[i] : others;
        if (weight > most) {
            most = weight;
            best = (encoding_t)i;
        }
    }
    return best;
}
