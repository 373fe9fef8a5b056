#!/usr/bin/env bash
# versions.sh TEST...: these tests and a published report on each Python found, with the newest versions that
# pyproject.toml allows and, on the lowest Python, with the lowest. What is made stays in build/versions.
set -uo pipefail
cd "$(dirname "$0")/.."
at=build/versions failed=0

uv --version >/dev/null 2>&1 || {
  echo "make test-versions needs uv, which finds the lowest versions: pip install uv" >&2
  exit 1
}

found() { # the path of this Python, on PATH or among pyenv's
  local each
  for each in "python$1" "$(pyenv root 2>/dev/null)"/versions/"$1".*/bin/python; do
    "$each" -c 'import sys; print(sys.executable)' 2>/dev/null && return
  done
  return 1
}

attempt() { # PYTHON RESOLUTION PYTEST-OPTION...: prints a line of the summary
  local version="$1" kind="$2" python at="$at/$1-$2"
  shift 2
  python=$(found "$version") || {
    echo "Python $version, $kind: not tried, no python$version was found on PATH or among pyenv's"
    return
  }
  rm -rf "${at:?}" "$at-report"
  if { uv venv --quiet --python "$python" "$at" &&
    uv pip install --quiet --python "$at/bin/python" --resolution "$kind" -r pyproject.toml --extra dev -e . &&
    "$at/bin/python" -m pytest -p no:cacheprovider -m "not slow and not seconds" -rs "$@" &&
    "$at/bin/evalkit" run --period 2026-Q3 --out "$at-report"; } >"$at.log" 2>&1; then
    echo "Python $version, $kind: $(grep -oE '^[0-9]+ passed.*' "$at.log"); a report published"
  else
    failed=1
    echo "Python $version, $kind: FAILED, the reason is in $at.log"
  fi
}

mkdir -p "$at"
# Only there: versions of that age have no wheels for newer Pythons. Of their deprecations the newest packages tell.
attempt 3.11 lowest-direct -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning "$@"
for version in 3.11 3.12 3.13; do attempt "$version" highest "$@"; done
exit "$failed"
