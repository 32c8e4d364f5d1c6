#!/usr/bin/env bash
# comment.sh NUMBER FILE…: says on a pull request what previews found, in one comment that later runs edit.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}")
number=$1
shift
body=$(mktemp)
trap 'rm -f -- "$body"' EXIT
{
  printf '## What a rollout would change\n\n'
  "${self%/*}/summary.py" "$@"
} >"$body"
gh pr comment "$number" --edit-last --create-if-none --body-file "$body"
