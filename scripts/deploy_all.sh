#!/usr/bin/env bash
# deploy_all.sh [ENV] [flags]: sets up what is missing and rolls the four layers out, in order.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
exec "${self%/*}/estate" deploy "$@"
