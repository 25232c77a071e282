/* SPDX-License-Identifier: MIT */
#include "storage/rocks_error.h"

#include <string.h>

rocks_cause_t rocks_error_cause(const char *text)
{
    /* The first row whose text occurs decides: particular texts stand before general ones. */
    static const struct {
        const char *part;
        rocks_cause_t cause;
    } rows[] = {
        {"lock hold by current process", ROCKS_LOCKED},
        {"While lock file", ROCKS_LOCKED},
        {"No space left on device", ROCKS_NO_SPACE},
        {"Disk quota exceeded", ROCKS_NO_SPACE},
        {"Read-only file system", ROCKS_NOT_WRITABLE},
        {"Permission denied", ROCKS_NOT_WRITABLE},
        {"Operation not permitted", ROCKS_NOT_WRITABLE},
        {"No such file or directory", ROCKS_MISSING_FILE},
        {"Corruption", ROCKS_CORRUPT},
        {"IO error", ROCKS_IO},
    };
    if (!text)
        return ROCKS_FINE;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(text, rows[i].part))
            return rows[i].cause;
    }
    return ROCKS_OTHER;
}

err_t rocks_error_code(rocks_cause_t cause)
{
    static const err_t codes[] = {
        [ROCKS_FINE] = ERR_OK,
        [ROCKS_LOCKED] = ERR_LOCKED,
        [ROCKS_NO_SPACE] = ERR_READ_ONLY,
        [ROCKS_NOT_WRITABLE] = ERR_IO,
        [ROCKS_MISSING_FILE] = ERR_DAMAGED,
        [ROCKS_CORRUPT] = ERR_DAMAGED,
        [ROCKS_IO] = ERR_IO,
        [ROCKS_OTHER] = ERR_STORAGE,
    };
    return codes[cause];
}

void rocks_error_line(buf_t *out, const char *text)
{
    for (const char *p = text; *p; p++)
        buf_append_byte(out, (unsigned char)*p < 0x20 ? ' ' : (uint8_t)*p);
}
