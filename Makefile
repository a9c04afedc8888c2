# Everything a person does with this repository. `make` alone explains itself.
#
# Needs Python 3.11 or newer, and make. Each target sets up what it needs the first time and nothing the second: the stamps
# in .venv/ are younger than the lock files for as long as there is nothing to do.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The first interpreter that is new enough; `make PYTHON=/path/to/python …` decides otherwise.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
UV := $(BIN)/uv
# uv reads the lock files; their format is the same within this range.
UV_VERSION := uv>=0.9,<1
# Test processes; each one starts its own embedded PostgreSQL. 0 runs everything in one process.
WORKERS ?= 0
# Passed on to the command of the target: make test ARGS="tests/streams -x", make serve ARGS="--port 9000".
ARGS ?=

.PHONY: help serve test check format pages bench prove prove-mutants compare guard-recall lock clean

help:  ## Show this
	@echo "Netra, the agent server whose isolation you can prove."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS are passed on:  make serve ARGS="--port 9000"'
	@echo '                       make test  ARGS="tests/streams -x"'

serve: .venv/.serve  ## Start Netra on http://localhost:8000, with its own PostgreSQL
	@exec $(BIN)/netra serve $(ARGS)

test: .venv/.dev  ## Run the whole test suite, on a real PostgreSQL
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) $(ARGS)

check: .venv/.dev  ## Style, types and layers, without running anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m netra.guard src --since-release

format: .venv/.dev  ## Put the code into its one format, and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

pages: .venv/.dev  ## Write docs/reference/ and docs/rules/ anew, out of the settings, the errors and the rules of guard
	@mkdir -p docs/reference
	$(BIN)/python -m netra.settings.reference > docs/reference/settings.md
	$(BIN)/python -m tests.structure.pages
	$(BIN)/python -m netra.guard.pages docs/rules

bench: .venv/.dev  ## Measure speed and size against the budgets; prints a table, writes JSON
	@exec $(BIN)/python -m bench $(ARGS)

prove: .venv/.dev  ## Attack servers of our own for ten minutes, with every fault; ARGS as of `netra prove`
	@exec $(BIN)/netra prove --self --users 200 --seconds 600 --html prove.html $(ARGS)

prove-mutants: .venv/.dev  ## Put ten known defects into servers, and see that each is caught; ARGS=NAME for one
	@exec $(BIN)/python -m tests.prove.mutants.trial $(ARGS)

compare: .venv/.dev  ## Attack other servers, and Netra, with the same proof; writes docs/comparison.md
	@exec $(BIN)/python -m tests.prove.comparison $(ARGS)

guard-recall: .venv/.dev  ## How much guard finds of faults put into real packages; ARGS=FOLDER, where they are installed
	@exec $(BIN)/python -m tests.guard.mutation $(ARGS)

# The lock files hold for every platform and every Python that Netra supports. Nothing of the machine that wrote them
# stands in them: no index, no folder, no header with a command line.
COMPARED = tests/prove/comparison/requirements
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-package netra
lock: .venv/.uv  ## Write requirements/*.lock anew out of pyproject.toml; ARGS=--upgrade takes the newest versions
	$(COMPILE) $(ARGS) --output-file requirements/netra.lock requirements/netra.in
	$(COMPILE) $(ARGS) --constraint requirements/netra.lock --output-file requirements/dev.lock requirements/dev.in
	$(COMPILE) $(ARGS) --no-deps --output-file bench/requirements/tree.lock bench/requirements/tree.in
	@for name in ag-ui agno langgraph; do \
		$(COMPILE) $(ARGS) --output-file $(COMPARED)/$$name.lock $(COMPARED)/$$name.in || exit; done
	@for name in basedpyright mypy pylint pyrefly ruff ty; do \
		echo $$name | $(COMPILE) --no-annotate $(ARGS) --output-file tests/guard/checkers/locks/$$name.lock - || exit; done

clean:  ## Remove the environment and every cache; data of a served Netra stays
	rm -rf .venv .mypy_cache .ruff_cache .guard_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# --- set-up ------------------------------------------------------------------------------------------------------------

.venv/.uv:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Name one: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Netra needs Python 3.11 or newer; .venv has an older one. Try: make clean, then make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV_VERSION)"
	@touch $@

# `sync` leaves exactly what the lock file lists, each file checked against its hash; then netra itself goes in as a link to
# src/, built by the hatchling that the lock has just installed. A lock that changed takes the tests' tools away again when
# only `make serve` asks; its stamp goes with them.
SYNC = $(UV) pip sync --quiet --python $(BIN)/python --require-hashes
LINK = $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .

.venv/.serve: .venv/.uv requirements/netra.lock pyproject.toml
	@echo "Installing what Netra needs into .venv (once) …"
	@rm -f .venv/.dev
	@$(SYNC) requirements/netra.lock
	@$(LINK)
	@touch $@

.venv/.dev: .venv/.uv requirements/dev.lock pyproject.toml
	@echo "Installing what Netra and its tests need into .venv (once) …"
	@$(SYNC) requirements/dev.lock
	@$(LINK)
	@touch .venv/.serve $@
