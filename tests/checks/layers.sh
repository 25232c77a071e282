#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Arrows point down only: bus includes nothing of ours but itself, storage the bus, the gateway never
# storage or actors. The library of each folder links accordingly, but a header alone would not show it.
set -euo pipefail
status=0

# forbid FOLDER PATTERN: no file of the folder includes what the pattern names.
forbid() {
    if grep -nE "#include \"($2)/" "$1"/*.[ch]; then
        echo "$1 must not include the above"
        status=1
    fi
}

forbid bus 'storage|actors|gateway'
forbid storage 'actors|gateway'
forbid gateway 'storage|actors'
exit $status
