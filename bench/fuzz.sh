#!/usr/bin/env bash
# Runs the fuzz targets of the tree, one after the other, FUZZTIME each (5m, or
# 5000x for a number of runs); all of them, or those whose names match
# FUZZ_TARGETS.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${FUZZTIME:-5m}
only=${FUZZ_TARGETS:-.}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() { # folder, target
  echo "-- $1 $2 ($time)"
  if "$go" test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" </dev/null 2>&1 | tee "$log"; then
    return 0
  fi
  # The end of the time can catch a worker in the middle of a run, which the go
  # command takes for a failure. A finding has an input.
  if grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
    echo "no finding: the time ended in the middle of a run"
    return 0
  fi
  return 1
}

grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | { grep -E "$only" || true; } | sort -u | while read -r target; do
    fuzz "$dir" "$target"
  done
done
