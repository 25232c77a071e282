/* SPDX-License-Identifier: MIT */
/* The configuration file. Property: a refused text gives one line "f:LINE:COLUMN: what" without
 * control characters, whose position lies within the text; an accepted one leaves every number
 * within its bounds and every text valid, and a copy of it has the same values. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/config.h"

static void check_refusal(str_t why, str_t text)
{
    unsigned line = 0, column = 0;
    char head[64];
    snprintf(head, sizeof head, "%.*s", STR_ARG(why));
    assert(sscanf(head, "f:%u:%u: ", &line, &column) == 2);
    assert(line >= 1 && column >= 1 && column <= text.len + 1);
    for (size_t i = 0; i < why.len; i++)
        assert((unsigned char)why.p[i] >= 0x20);
    assert(why.len < 512);
}

static bool is_number(config_kind_t kind)
{
    return kind == CONFIG_INT || kind == CONFIG_SIZE || kind == CONFIG_MS;
}

static void check_values(const config_t *config)
{
    for (const config_key_t *key = config_keys(); key->name; key++) {
        size_t count = 0;
        if (is_number(key->kind)) {
            int64_t number = config_int(config, key->name);
            assert(number >= key->min && (key->max == 0 || number <= key->max));
        } else if (key->kind == CONFIG_LIST) {
            const char *const *items = config_list(config, key->name, &count);
            for (size_t i = 0; i < count; i++)
                assert(items[i][0] != '\0');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t text = {(const char *)data, size};
    buf_t why = {0};
    config_t *config = config_new();
    err_t err = config_read_text(config, "f", text, &why);
    assert((err == ERR_OK) == (why.len == 0));
    if (err != ERR_OK)
        check_refusal(buf_str(&why), text);
    check_values(config);
    config_t *copy = config_copy(config);
    config_reload(copy, config, &why);
    assert(err != ERR_OK || why.len == 0);
    config_destroy(&copy);
    config_destroy(&config);
    buf_fini(&why);
    return 0;
}
