#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# cppcheck finds nothing in the sources that .cppcheck-suppressions does not explain.
set -euo pipefail
exec "$1" --std=c11 --enable=warning,portability --inline-suppr --quiet --error-exitcode=1 -j "$(nproc)" \
    --suppressions-list=.cppcheck-suppressions --template='{file}:{line}: {severity}: {message} [{id}]' \
    -D_GNU_SOURCE -I. -i tests bus storage actors gateway
