/* SPDX-License-Identifier: MIT */
#include "gateway/web_fill.h"

#include <string.h>

static const struct {
    const char *place; /* the longer ones, with quotes, before their own inside */
    const char *text;
} places[] = {
    {"'@@disableDataReporting@@'", "true"}, /* nothing is reported to anybody */
    {"\"@@disableDataReporting@@\"", "true"},
    {"'@@loadingHideLogo@@'", "false"},
    {"\"@@loadingHideLogo@@\"", "false"},
    {"@@vendorPrefix@@", ""},
    {"@@loadingBackgroundColor@@", ""},
    {"@@loadingBackgroundImage@@", ""},
    {"@@loginLanguage@@", ""},
    {"@@loginOauth2@@", "true"},
};
#define PLACE_COUNT (sizeof places / sizeof places[0])

bool web_fill_is_wanted(str_t name, uint64_t size)
{
    return size > 0 && size <= WEB_FILL_MAX &&
           (str_is(name, "index.html") || str_is(name, "edit.html"));
}

/* The first place in the text; its row, or PLACE_COUNT. */
static size_t find_place(str_t text, const char **at)
{
    size_t row = PLACE_COUNT;
    *at = text.p + text.len;
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        size_t left = (size_t)(*at - text.p), n = strlen(places[i].place);
        const char *found = left + n > text.len ? memmem(text.p, text.len, places[i].place, n)
                                                : memmem(text.p, left + n, places[i].place, n);
        if (found && (found < *at || row == PLACE_COUNT)) {
            *at = found;
            row = i;
        }
    }
    return row;
}

void web_fill(str_t page, buf_t *out)
{
    const char *at;
    while (page.len > 0) {
        size_t row = find_place(page, &at);
        buf_append(out, page.p, (size_t)(at - page.p));
        page = (str_t){at, page.len - (size_t)(at - page.p)};
        if (row == PLACE_COUNT)
            break;
        size_t n = strlen(places[row].place);
        buf_append_cstr(out, places[row].text);
        page = (str_t){page.p + n, page.len - n};
    }
}
