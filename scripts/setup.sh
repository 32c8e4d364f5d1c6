#!/usr/bin/env bash
# setup.sh [engine|local-aws|checkers|actionlint|lock|lock=PACKAGE|release=VERSION …]: makes .venv, then what is named; engine and local-aws without arguments.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
root=${self%/*/*}
# shellcheck source=scripts/_setup.sh
source "$root/scripts/_setup.sh"
estate_setup "$root"
[[ $# -gt 0 ]] || set -- engine local-aws
exec "$root/.venv/bin/python" -P -m estate_tool.setup "$@"
