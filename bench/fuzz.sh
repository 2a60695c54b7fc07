#!/usr/bin/env bash
# Runs the fuzz targets of the tree, one after the other, FUZZTIME each; all of
# them, or those whose names match FUZZ_TARGETS.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${FUZZTIME:-5m}
only=${FUZZ_TARGETS:-.}

grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | { grep -E "$only" || true; } | sort -u | while read -r target; do
    echo "-- $dir $target ($time)"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$dir" </dev/null
  done
done
