#!/usr/bin/env bash
# destroy_layer.sh LAYER [ENV] [flags]: tears that layer down alone.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
if [[ $# -eq 0 || $1 == -* ]]; then
  echo "usage: destroy_layer.sh LAYER [ENV] [flags]" >&2
  exit 2
fi
exec "${self%/*}/estate" destroy --layer "$@"
