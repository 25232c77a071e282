#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files and folders that a document names in backticks exist: `bus/dispatch.c` from the root, or `dispatch.c`
# beside the document. Names with a placeholder (foo, capitals, *, <, {) and what is made by building are left out.
set -euo pipefail
status=0

is_made() {
    [[ $1 == build/* || $1 == ./data* || $1 == data/* || $1 == */node_modules* || $1 == node_modules* || $1 == /* ]]
}

# shellcheck disable=SC2016 # the backticks in the pattern are meant as such
check_document() {
    local document=$1 folder name
    folder=$(dirname "$document")
    while read -r name; do
        name=${name%%:*}
        name=${name%/}
        if is_made "$name" || [ -e "$name" ] || [ -e "$folder/$name" ]; then
            continue
        fi
        echo "$document names $name, which does not exist"
        status=1
    done < <(grep -o '`[a-z][a-zA-Z0-9_./-]*`' "$document" | tr -d '`' |
        grep -E '^(bus|storage|actors|gateway|tests|deploy|changes)/|^[a-z0-9_-]+\.(c|h|mjs|sh|def)$' | grep -v '^foo' | sort -u)
}

while read -r document; do
    check_document "$document"
done < <(find . \( -name node_modules -o -name build -o -name .git -o -name data \) -prune -o -name '*.md' -print | sort)
exit $status
