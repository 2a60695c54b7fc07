# The targets that people type. .ci/run runs the same commands.

GO ?= go
FUZZTIME ?= 5m
RANDOM_FILES ?= 20000

.PHONY: help build test race lint generate conformance parity fuzz bench bench-http soak soak-short clean

help:
	@grep -E '^[a-z-]+:' Makefile | cut -d: -f1 | tr '\n' ' '; echo

build:
	$(GO) build -o bin/wheatpaste ./cmd/wheatpaste

test:
	$(GO) test ./...

race:
	$(GO) test -race ./...

# The linters live in a module of their own, so that go.mod stays clean.
lint:
	$(GO) build -C tools -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint run ./...

# READMEs of the factories and the lists of imports.
generate:
	$(GO) run ./internal/generate

# Paste Deploy itself decides: the corpus, and random files held against it live.
conformance:
	WHEATPASTE_INTEGRATION=1 WHEATPASTE_RANDOM=$(RANDOM_FILES) $(GO) test -count=1 -timeout 60m -v -run 'TestCorpus|TestRandom' ./internal/conformance

# The same requests to the Python originals of filters and apps, and to ours.
parity:
	WHEATPASTE_INTEGRATION=1 $(GO) test -count=1 -v -run TestSameAsTheOriginals ./internal/parity

fuzz:
	GO=$(GO) FUZZTIME=$(FUZZTIME) ./bench/fuzz.sh

# Loader speed beside Paste Deploy, what a process does before main, and the
# benchmarks of the packages.
bench:
	$(GO) run ./bench/loader
	$(GO) run ./bench/start
	$(GO) test -run '^$$' -bench . -benchmem ./paste ./pipeline ./filters/... ./apps/...

# Speed beside bare net/http, nginx, Caddy, gunicorn and uWSGI, seven rounds in
# about 20 minutes; writes its section of bench/RESULTS.md. BENCH_HTTP=-short is a
# smoke test.
bench-http:
	$(GO) run ./bench/http $(BENCH_HTTP)

# The long runs at their full figures; writes bench/RESULTS.md.
soak:
	GO=$(GO) ./bench/soak.sh

# The launcher's promises at small figures; SCENARIOS chooses some of them.
soak-short:
	$(GO) run ./bench/launcher -short $(SCENARIOS)

clean:
	rm -rf bin
