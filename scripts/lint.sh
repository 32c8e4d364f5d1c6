#!/usr/bin/env bash
# lint.sh [style|words|imports|shell|workflows|types …]: the checks that run nothing; all of them without arguments.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
root=${self%/*/*}
# shellcheck source=scripts/_setup.sh
source "$root/scripts/_setup.sh"
estate_setup "$root"
cd "$root"
export PATH="$root/.venv/bin:$PATH"

# GitHub's workflows: actionlint, built once from its Go module, and zizmor with the auditor's eyes; neither asks GitHub.
workflows() {
  local actionlint checkers
  actionlint=$(python -P -m estate_tool.setup actionlint) &&
    checkers=$(python -P -m estate_tool.setup checkers) &&
    "$actionlint" -shellcheck= -pyflakes= &&
    "${checkers%/*}/zizmor" --quiet --persona=auditor --offline --no-progress .github
}

[[ $# -gt 0 ]] || set -- style words imports shell workflows types
failed=()
for check; do
  case $check in
    style) ruff check --quiet . && ruff format --check --quiet . ;;
    words) python -P scripts/words.py ;;
    imports) lint-imports --no-logo ;;
    shell) shellcheck --external-sources .ci/run scripts/estate scripts/*.sh ;;
    workflows) workflows ;;
    types) basedpyright --level error ;;
    *)
      echo "usage: lint.sh [style|words|imports|shell|workflows|types …]" >&2
      exit 2
      ;;
  esac || failed+=("$check")
done

if [[ ${#failed[@]} -gt 0 ]]; then
  echo "error: not in order: ${failed[*]}" >&2
  exit 1
fi
