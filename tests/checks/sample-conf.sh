#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# deploy/sample.conf is what the program prints; after a change of the keys: iobus help config > deploy/sample.conf
set -euo pipefail
diff -u deploy/sample.conf <("$1" help config)
