# What one does with Glasspot. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build test test-tsan test-asan e2e bench bench-idle bench-micro order simulate fuzz lint soak stack-check docker-check clean

SWIFT ?= swift
# How a release is compiled and linked, and why.
RELEASE := $(shell grep -v '^\#' scripts/link/release.flags)
# Arguments of the gateway for `make run`.
ARGS ?= --demo
# Seconds per fuzz target, and of the soak.
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 300

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build and run the gateway with simulated backends (ARGS="-c FILE" runs a configuration)
	.build/release/glasspot $(ARGS)

build: ## Build the release binaries glasspot and mockllm
	@scripts/setup.sh build
	$(SWIFT) build $(RELEASE) --product glasspot
	$(SWIFT) build $(RELEASE) --product mockllm

test: ## Run every test that needs no network beyond the package registries
	@scripts/setup.sh build lint
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error
	$(SWIFT) test --skip-build --parallel
	@# Allocations are counted in optimised code; a build of its own keeps .build/release as it is.
	if [ -d Tests/AllocationTests ]; then GLASSPOT_ONLY_TESTS=AllocationTests $(SWIFT) test -c release --scratch-path .build-allocations; fi

test-tsan: ## Run the tests under the thread sanitizer
	@scripts/setup.sh build lint
	TSAN_OPTIONS=suppressions=$(CURDIR)/scripts/tsan.supp $(SWIFT) test --sanitize=thread --scratch-path .build-tsan --parallel

test-asan: ## Run the tests under the address sanitizer
	@scripts/setup.sh build lint
	ASAN_OPTIONS=suppressions=$(CURDIR)/scripts/asan.supp LSAN_OPTIONS=suppressions=$(CURDIR)/scripts/lsan.supp \
		$(SWIFT) test --sanitize=address --scratch-path .build-asan --parallel

e2e: build ## Drive the gateway with real clients, llama.cpp, Prometheus, Chromium, and beside nginx and HAProxy
	@scripts/setup.sh e2e ui
	python3 -B scripts/link/order.py --check
	Tests/e2e/run.sh
	python3 -B Tests/Smuggling/differential.py
	Tests/ui/run.sh

bench: build bench-micro ## Compare with nginx and HAProxy, and scraped with not scraped; writes Benchmarks/load/*.md
	@scripts/setup.sh bench
	python3 -B Benchmarks/load/bench.py
	python3 -B Benchmarks/load/scraped.py

bench-idle: build ## Measure what 10,000 idle and 1,000 slow connections cost others; writes Benchmarks/load/IDLE.md
	@scripts/setup.sh bench
	python3 -B Benchmarks/load/idle.py

bench-micro: ## Time the parts of the data path against the promised times; writes Benchmarks/MICRO.md
	@scripts/setup.sh build
	$(SWIFT) build $(RELEASE) --product microbench
	.build/release/microbench | tee Benchmarks/MICRO.md

order: build ## Observe which functions run and put them in order for the linker; writes scripts/link/functions.order
	@scripts/setup.sh order
	python3 -B scripts/link/order.py

simulate: ## Compare the balancers on a simulated fleet; writes docs/BALANCERS.md
	@scripts/setup.sh build
	$(SWIFT) build $(RELEASE) --product simulate
	.build/release/simulate > docs/BALANCERS.md.new
	mv docs/BALANCERS.md.new docs/BALANCERS.md

fuzz: ## Fuzz every parser for FUZZ_SECONDS seconds each
	@scripts/setup.sh build
	Tests/Fuzz/run.sh $(FUZZ_SECONDS)

lint: ## Check format, scripts, Prometheus files and dashboards
	@scripts/setup.sh lint
	$(SWIFT) format lint --strict --parallel -r Sources Tests Benchmarks Package.swift
	@git ls-files -z -co --exclude-standard '*.sh' .ci/run | xargs -0 -n 1 bash -n
	@git ls-files -z -co --exclude-standard '*.py' | xargs -0 python3 scripts/check_python.py
	promtool check config --lint=all --lint-fatal prometheus/prometheus.yml
	promtool check rules --lint=all --lint-fatal prometheus/rules/*.yml
	promtool test rules prometheus/tests/*.yml
	python3 -B scripts/check_rules.py prometheus/rules/*.yml prometheus/tests/*.yml
	python3 -B scripts/test_checks.py -q
	python3 -B web/build.py --check
	python3 -B dashboards/build.py --check
	python3 -B scripts/check_dashboards.py dashboards/*.json
	python3 -B scripts/kubernetes_rules.py --check
	python3 -B scripts/check_deploy.py

soak: build ## Run the demo under load for SOAK_SECONDS seconds and check its invariants
	python3 -B scripts/soak.py --seconds $(SOAK_SECONDS)
	GLASSPOT_CHAOS_SECONDS=$(SOAK_SECONDS) $(SWIFT) test --filter ChaosTests

stack-check: build ## Prove dashboards, rules and alerts with a real Prometheus, load and faults (12 minutes)
	@scripts/setup.sh stack
	python3 -B scripts/stack_check.py

docker-check: ## Build the container image and start the stack with it, where an engine can run
	scripts/docker_check.sh

clean: ## Remove everything that was built
	rm -rf .build .build-* out
