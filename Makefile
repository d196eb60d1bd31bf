# Every target sets up what it needs by itself: see tools/setup/. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup venv pbx demo demo-pacing test test-fast test-slow bench bench-pacing bench-pacing-short bench-store soak lint docs lock clean

SETUP := tools/setup/run
PY := .venv/bin/python
BIN := .venv/bin
# What pytest shall do besides: make test ARGS='-k trunk -x'
ARGS ?=

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## The virtual environment and an Asterisk (implied by the others)
	@$(SETUP) venv pbx

venv:
	@$(SETUP) venv

pbx: ## Only the Asterisk: on PATH, else in Docker, else a Debian root in the cache
	@$(SETUP) pbx

demo: setup ## A real Asterisk dials several hundred invented people
	@$(PY) -m tools.demo

demo-pacing: setup ## Predictive pacing beside 1:1 on the same invented people and a real Asterisk
	@$(PY) -m tools.demo --compare

test: setup lint ## Everything that must be green: lint, types, contracts, tests on a real Asterisk
	@$(PY) -m pytest -m "not slow" $(ARGS)

test-fast: venv ## Only the tests that need no Asterisk: seconds
	@$(PY) -m pytest -m "not slow and not pbx" $(ARGS)

test-slow: setup ## The tests that take minutes: kills, soak
	@$(PY) -m pytest -m slow $(ARGS)

bench: setup ## Figures of the core, beside a bare loop's, into build/bench/core.json
	@$(PY) -m tools.bench $(ARGS)

bench-pacing: venv ## The pacing controller beside other dialers' and two bounds, under 15 minutes
	@$(PY) -m tools.bench_pacing $(ARGS)

bench-pacing-short: venv ## The same in under a minute, fewer cells and seeds
	@$(PY) -m tools.bench_pacing --short $(ARGS)

bench-store: venv ## Import and choosing: a million cases on SQLite, ten million on PostgreSQL (ARGS='--short')
	@$(PY) -m tools.bench_store $(ARGS)

soak: setup ## An hour of steady load: does anything grow? (ARGS='--minutes 10' for less)
	@$(PY) -m tools.soak $(ARGS)

lint: venv ## ruff, mypy --strict, and who may import whom
	@wrong=0; for check in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	    echo "== $$check"; $(BIN)/$$check || wrong=1; done; exit $$wrong

docs: venv ## Rebuild what docs/ takes from the code
	@$(PY) -m tools.docs

lock: venv ## Compile requirements/*.txt anew from *.in (needs the network)
	@$(PY) -m venv build/lock-venv
	@build/lock-venv/bin/pip install -q uv
	@cd requirements && for f in runtime dev; do \
	    ../build/lock-venv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
	        --no-emit-package pip --custom-compile-command "make lock" -o $$f.txt $$f.in; done

clean: ## Remove what was built in the tree (the cache outside of it stays)
	@$(SETUP) clean
