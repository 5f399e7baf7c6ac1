# Two commands do everything, their own set-up included: `make run` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help run image test test-all test-unit test-ways torture fail-points lint bench bench-publish bench-edge bench-proxy bench-log set-up set-up-tests

# dev compiles faster, release runs faster.
PROFILE ?= release
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
BINARY = $(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/berth

# Real projects from elsewhere with a manifest.json; nothing here needs them.
APPS ?= ../shared/apps
HAS_APPS := $(wildcard $(APPS)/manifest.json)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# In a terminal the program gets a process group of its own (set -m), so that Ctrl-C is its to answer and not make's.
run: set-up ## build Berth, start it with an example project live, until Ctrl-C
	@cargo build --profile $(PROFILE) -p berth-server
	@if [ -t 0 ]; then set -m; fi; node scripts/run.mjs $(BINARY); exit $$?

# Stripped, because a build context and an image have no use for what a debugger reads.
image: PROFILE = dist
image: ## build the binary and the container image `berth`
	@scripts/ensure-command strip binutils
	@cargo build --profile $(PROFILE) -p berth-server
	@install -D -m 0755 $(BINARY) target/image/berth && strip target/image/berth
	@docker build --quiet --tag berth --build-arg VERSION=$$(target/image/berth --version | cut -d' ' -f2) \
	  --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) .
	@docker run --rm berth --version || { echo "The binary does not run in the image. If it names GLIBC above, it was built" \
	  "on a system newer than the image's Debian 12: build it on Debian 12 or something as old." >&2; exit 1; }

# What a later build could use again of this one is gigabytes, and nobody edits anything in between.
test test-all: export CARGO_INCREMENTAL = 0
# Tests of whole programs wait for them more than they compute.
test test-all: export RUST_TEST_THREADS ?= 4
test: set-up-tests lint ## run every check and test
	cargo test --workspace --quiet --no-run
	@$(MAKE) --no-print-directory fail-points
	cargo test --workspace --quiet --no-fail-fast
	@$(MAKE) --no-print-directory test-ways

# The engine's own run over the same projects is a measurement, and left out: here they go the whole way.
test-all: set-up-tests lint ## the same and what takes long: every example, the projects of ../shared/apps
	cargo test --workspace --quiet --no-run
	@$(MAKE) --no-print-directory fail-points
	$(if $(HAS_APPS),,@echo "There is no $(APPS)/manifest.json: its projects are left out.")
	BERTH_TEST_APPS=$(abspath $(APPS)) cargo test --workspace --quiet --no-fail-fast -- --include-ignored --skip every_static_application_builds_twice $(if $(HAS_APPS),,--skip every_application_goes_live)
	@$(MAKE) --no-print-directory test-ways

# What is neither a story of one binary nor a unit of it: the ways to run it. The binary is there already.
test-ways:
	scripts/test-make-run
	scripts/test-compose.mjs $(TARGET_DIR)/debug/berth
	scripts/test-proxies.mjs $(TARGET_DIR)/debug/berth

# The same Berth, but it can be told to die at any step: see docs/TORTURE.md. With the example it is made of what the tests
# are made of, of which then nothing is compiled twice.
fail-points:
	cargo build --quiet --workspace --features berth-server/fail-points --bin berth-fail-points --example bench-publish

# CASES: beginnings of names; ROUNDS: how much of each; SEED: the same choices again.
torture: set-up-tests ## kill, cut off, fuzz and load Berth for hours, and print what survived
	@scripts/ensure-command strace strace
	cargo build --quiet -p berth-server
	@$(MAKE) --no-print-directory fail-points
	cargo build --quiet -p berth-tests --bin torture
	SCHEMATHESIS=$$(scripts/ensure-schemathesis) && export SCHEMATHESIS && $(TARGET_DIR)/debug/torture $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(CASES)

test-unit: ## run the tests that need neither Docker nor PostgreSQL
	cargo test --quiet -p berth-model -p berth-secrets -p berth-edge

lint: ## check formatting, lints, scripts and the dashboard's source
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	node scripts/check-licences.mjs
	scripts/check-scripts
	scripts/check-web

bench: set-up ## measure the way of a push beside the bare container runs
	cargo build --release -p berth-server
	node bench/pipeline/main.mjs $(TARGET_DIR)/release/berth

bench-edge: ## measure serving beside nginx and Caddy (the ruler's corpus: 350 MB, 10,000 sites)
	@scripts/ensure-bench
	cargo build --release -p berth-server
	bench/edge/run.py $(TARGET_DIR)/release/berth

bench-proxy: set-up ## measure passing requests to a service beside nginx and Caddy
	@scripts/ensure-bench
	cargo build --release -p berth-server
	node bench/proxy/main.mjs $(TARGET_DIR)/release/berth

bench-log: set-up set-up-tests ## measure the dashboard's log view with 100,000 lines at 5,000 a second
	cargo build --release -p berth-server
	node bench/log/main.mjs $(TARGET_DIR)/release/berth

bench-publish: set-up ## measure publishing and activating beside cp -r and the bare compression
	cargo run --release -p berth-deploy-engine --example bench-publish

set-up:
	@scripts/check-prerequisites
	@scripts/ensure-command gcc build-essential
	@scripts/ensure-command git git
	@scripts/ensure-docker
	@scripts/ensure-base-images

# A cold build of everything is about 7 GiB, and the tests that fill a disk take their part of it.
set-up-tests: set-up
	@scripts/check-space 8
	@scripts/ensure-postgres
	@scripts/ensure-test-tools
	@scripts/ensure-compose
	@scripts/ensure-proxies
