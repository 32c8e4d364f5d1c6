#!/usr/bin/env bash
# destroy_all.sh [ENV] [flags]: tears the four layers down, in reverse order.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
exec "${self%/*}/estate" destroy "$@"
