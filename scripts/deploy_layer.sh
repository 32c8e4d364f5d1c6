#!/usr/bin/env bash
# deploy_layer.sh LAYER [ENV] [flags]: rolls that layer out alone.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
if [[ $# -eq 0 || $1 == -* ]]; then
  echo "usage: deploy_layer.sh LAYER [ENV] [flags]" >&2
  exit 2
fi
exec "${self%/*}/estate" deploy --layer "$@"
