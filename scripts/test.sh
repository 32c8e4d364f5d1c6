#!/usr/bin/env bash
# test.sh [pytest arguments]: sets up what is missing, then runs every test tier that needs no AWS account, the fast
# ones first; with arguments, what they name (relative to the checkout).
set -euo pipefail
# Thousands of processes start: compile each module once.
unset PYTHONDONTWRITEBYTECODE
self=$(readlink -f -- "${BASH_SOURCE[0]}")
root=${self%/*/*}
# shellcheck source=scripts/_setup.sh
source "$root/scripts/_setup.sh"
estate_setup "$root"
cd "$root"
python=$root/.venv/bin/python
"$python" -P -m estate_tool.setup engine local-aws

[[ $# -eq 0 ]] || exec "$python" -m pytest "$@"

# run NAME PYTEST-ARGUMENT…: one group of tiers; the tiers after a failed one are run too.
failed=()
run() {
  local name=$1
  shift
  echo "== $name" >&2
  "$python" -m pytest "$@" || failed+=("$name")
}

# A file is in one process, alone with what it starts. The fast ones keep two processors busy.
run "unit, stacks, lambdas, contract, bench" -n 2 --dist loadfile tests/unit tests/stacks tests/lambdas tests/contract \
  tests/bench
# The others wait for the engine and for the embedded AWS in turn: a third process uses what two leave idle. The longest
# first, so that the others run beside them.
run "integration, account, faults" -n 3 --dist loadfile --no-loadscope-reorder tests/integration/test_estate.py \
  tests/account/test_life.py tests/integration/test_failures.py tests/faults tests/account tests/integration

if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'error: tests failed in: %s\n' "${failed[*]}" >&2
  exit 1
fi
