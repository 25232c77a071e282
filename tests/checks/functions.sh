#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Functions that ARCHITECTURE.md and README.md name in backticks (`batch_turn()`) are defined in the source file that
# was named last before them.
set -euo pipefail
status=0

# shellcheck disable=SC2016 # the backticks in the pattern are meant as such
check_document() {
    local document=$1 source="" name
    while read -r name; do
        case $name in
        *.c | *.h)
            source=$name
            ;;
        *'()')
            name=${name%'()'}
            if [ -z "$source" ] || ! grep -qE "^[a-zA-Z_].*\b$name\(" "$source"; then
                echo "$document: $name() is not defined in ${source:-(no file named before)}"
                status=1
            fi
            ;;
        esac
    done < <(grep -oE '`([a-z]+/[a-z0-9_]+\.[ch]|[a-z0-9_]+\(\))`' "$document" | tr -d '`')
}

check_document ARCHITECTURE.md
check_document README.md
exit $status
