# `make` or `make help` says what there is. Everything is installed below this folder, but for Debian packages.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo cluster chaos test check clients bench bench-peers fuzz fmt tools clean
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PYTHON ?= python3
PORT ?= 9000
FUZZ_SECONDS ?= 60
PYTEST ?= -n 2 --dist loadfile
IT := integration-tests
NEED := $(IT)/tools/need.sh

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: tools ## Build, serve the sample data on PORT (9000) until Ctrl-C, and say how to open it
	cargo build --release --locked
	PORT=$(PORT) $(IT)/tools/demo.sh target/release/cloudify

cluster: tools ## Build, run 2 gateways, 4 workers, Redis and a load balancer on PORT (9000) until Ctrl-C
	@$(NEED) nginx redis-server setpriv
	cargo build --release --locked
	cd $(IT) && PORT=$(PORT) $(PYTHON) -m cluster

chaos: tools $(IT)/.venv-zarr3/ready ## Break that cluster under load and count what clients notice (CHAOS_SECONDS, CHAOS_PHASES)
	@$(NEED) nginx redis-server setpriv ip
	cargo build --release --locked
	cd $(IT) && .venv-zarr3/bin/python -m chaos

test: check clients ## Everything: checks, unit tests, and real clients against the running binary

check: tools ## Format, lints, unit tests, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked
	cargo fetch --locked --manifest-path fuzz/Cargo.toml
	$(PYTHON) $(IT)/tools/check_licences.py
	if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; fi

clients: tools $(IT)/.venv-zarr3/ready $(IT)/.venv-zarr2/ready $(IT)/node_modules/ready ## Real clients against the running binary (PYTEST=… are its options)
	@$(NEED) chromium cdo nginx redis-server openssl setpriv ip
	cargo build --locked
	cd $(IT) && .venv-zarr3/bin/pytest $(PYTEST)
	cd $(IT) && .venv-zarr2/bin/pytest tests/test_zarr_2.py

bench: tools $(IT)/.venv-zarr3/ready ## Raw chunks against nginx sendfile, memory, scan, views against CDO (BENCH_SECONDS, BENCH_ROUNDS, BENCH_PARTS)
	@$(NEED) nginx wrk cdo redis-server
	cargo build --release --locked
	cd $(IT) && .venv-zarr3/bin/python -m bench

bench-peers: tools $(IT)/.venv-zarr3/ready $(IT)/.venv-peers/ready ## Side by side with the Python server on the same file
	@$(NEED) wrk
	cargo build --release --locked
	cd $(IT) && .venv-zarr3/bin/python -m bench.peers

fuzz: tools ## Fuzz each target for FUZZ_SECONDS (60)
	command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
	PYTHON=$(PYTHON) $(IT)/tools/fuzz.sh $(FUZZ_SECONDS)

fmt: ## Format the code
	cargo fmt --all

tools: .tools/bin/cmake ## Install what building needs: a C compiler and CMake
	@$(NEED) cc g++

clean: ## Remove what was built and installed here
	rm -rf target .tools $(IT)/.venv-* $(IT)/node_modules

# HDF5 wants CMake >= 3.26; .cargo/config.toml points at this one.
.tools/bin/cmake:
	@$(NEED) python3 python3-venv
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet cmake==4.4.4

$(IT)/.venv-%/ready: $(IT)/requirements-%.txt
	@$(NEED) python3 python3-venv
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --no-deps -r $<
	@touch $@

$(IT)/node_modules/ready: $(IT)/package-lock.json
	@$(NEED) node npm
	cd $(IT) && npm ci --silent --no-audit --no-fund
	@touch $@
