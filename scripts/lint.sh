#!/usr/bin/env bash
# lint.sh [style|imports|shell|types …]: the checks that run nothing; all of them without arguments.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
root=${self%/*/*}
# shellcheck source=scripts/_setup.sh
source "$root/scripts/_setup.sh"
estate_setup "$root"
cd "$root"
export PATH="$root/.venv/bin:$PATH"

[[ $# -gt 0 ]] || set -- style imports shell types
failed=()
for check; do
  case $check in
    style) ruff check --quiet . && ruff format --check --quiet . ;;
    imports) lint-imports --no-logo ;;
    shell) shellcheck --external-sources .ci/run scripts/estate scripts/*.sh ;;
    types) basedpyright --level error ;;
    *)
      echo "usage: lint.sh [style|imports|shell|types …]" >&2
      exit 2
      ;;
  esac || failed+=("$check")
done

if [[ ${#failed[@]} -gt 0 ]]; then
  echo "error: not in order: ${failed[*]}" >&2
  exit 1
fi
