#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every C source is formatted as .clang-format says, and starts with the licence.
set -euo pipefail
mapfile -t files < <(find bus storage actors gateway tests -name node_modules -prune -o -name '*.[ch]' -print | sort)
status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\n' "${files[@]}" | xargs -n 25 -P 2 "$1" --dry-run -Werror 2>"$log"; then
    sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: .*clang-formatted.*/\1/p' "$log" | sort -u | sed 's/$/: not formatted; run clang-format -i on it/'
    status=1
fi
for file in "${files[@]}"; do
    read -r first <"$file"
    if [ "$first" != '/* SPDX-License-Identifier: MIT */' ]; then
        echo "$file: the first line is not the licence"
        status=1
    fi
done
exit $status
