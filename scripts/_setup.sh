# shellcheck shell=bash
# Sourced by scripts/estate and scripts/test.sh.

# estate_setup ROOT: returns when ROOT/.venv is what ROOT/requirements.lock says. Quick when there is nothing to do;
# the stamp's name is the one in estate_tool/setup/environments.py.
estate_setup() {
  local root=$1 python
  if [[ -x $root/.venv/bin/python ]] &&
    cmp -s "$root/requirements.lock" "$root/.venv/.made-from-1.lock" &&
    [[ -z ${ESTATE_PYTHON:-} || $ESTATE_PYTHON -ef $root/.venv/bin/python ]]; then
    return 0
  fi
  python=$(estate_python) || exit 1
  "$python" -I -B "$root/scripts/estate_tool/setup/__main__.py" venv || exit $?
}

# estate_python: prints the Python to use: ESTATE_PYTHON, else the first on PATH that is new enough.
estate_python() {
  local name version seen=""
  local -a names=(python3 python3.14 python3.13 python3.12 python3.11 python)
  [[ -z ${ESTATE_PYTHON:-} ]] || names=("$ESTATE_PYTHON")
  for name in "${names[@]}"; do
    version=$("$name" -I -c 'import platform as p; print(p.python_implementation(), p.python_version())' 2>/dev/null) || continue
    if [[ $version =~ ^CPython\ 3\.([0-9]+) && ${BASH_REMATCH[1]} -ge 11 ]]; then
      command -v -- "$name"
      return 0
    fi
    seen+="${seen:+, }$name is $version"
  done
  echo "error: set-up needs CPython 3.11 or newer; ${seen:-there is no ${names[0]}}" >&2
  echo "  → install one; where it is not on PATH, name it: ESTATE_PYTHON=/path/to/python3.12" >&2
  return 1
}
