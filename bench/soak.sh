#!/usr/bin/env bash
# The long runs, at the figures of the issues. Writes bench/RESULTS.md. With
# ONLY="a word of a title" just those sections are run, and the others kept.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
out=bench/RESULTS.md
tmp=$(mktemp)
trap 'rm -f "$tmp" "$tmp.part"' EXIT

run() { # title, command...
  local title=$1
  shift
  if [[ "$title" != *"${ONLY:-}"* ]]; then
    awk -v title="## $title" '/^## / { on = $0 == title } on' "$out" >"$tmp.part"
    sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' "$tmp.part" | { echo; cat; } >>"$tmp"
    return
  fi
  echo "== $title" >&2
  { printf '\n## %s\n\nRun on %s.\n\n    $ %s\n\n' "$title" "$(date -u +%Y-%m-%d)" "$*"; "$@" 2>&1 | tee >(cat >&2) | grep -v '^=== \|^--- \|^fuzz: elapsed' | tail -n "${KEEP:-40}" | sed 's/^/    /'; } >>"$tmp"
}

cat >"$tmp" <<END
# Results of the long runs

Written by \`make soak\`, $("$go" version | cut -d' ' -f3), $(nproc) cores. Machines differ and are noisy: compare the ratios, not the
times.
END

export WHEATPASTE_INTEGRATION=1
run "The corpus and 20,000 random files against Paste Deploy" env WHEATPASTE_RANDOM="${RANDOM_FILES:-20000}" "$go" test -count=1 -timeout 90m -v -run 'TestCorpus|TestRandom' ./internal/conformance
run "Loader beside Paste Deploy" "$go" run ./bench/loader
KEEP=80 run "Benchmarks of the packages" "$go" test -run '^$' -bench . -benchmem ./paste ./pipeline
KEEP=60 run "Fuzz targets, ${FUZZTIME:-5m} each" env FUZZTIME="${FUZZTIME:-5m}" FUZZ_TARGETS="${FUZZ_TARGETS:-.}" ./bench/fuzz.sh
# wrk joins in where it is installed; the servers beside ours are Debian's
# gunicorn, uwsgi-core with uwsgi-plugin-python3 and nginx-light, and a caddy in
# the path or in GOBIN.
KEEP=200 run "The launcher under load" "$go" run ./bench/launcher
KEEP=200 run "HTTP beside others" "$go" run ./bench/http -results ''
mv "$tmp" "$out"
rm -f "$tmp.part"
trap - EXIT
echo "wrote $out" >&2
