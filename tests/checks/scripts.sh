#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No shell script of the tree gives shellcheck reason to complain.
set -euo pipefail
mapfile -t scripts < <(find deploy tests .ci -name node_modules -prune -o -type f -print | sort |
    while read -r file; do
        case $(head -c 40 "$file" | tr -d '\0' | head -n 1) in
        '#!'*bash | '#!'*'/sh' | '# shellcheck shell='*) echo "$file" ;;
        esac
    done)
shellcheck -x -P deploy "${scripts[@]}"
echo "${#scripts[@]} scripts"
