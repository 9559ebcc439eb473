# Needs python3, 3.11 or newer; the tests also need node, npm and git. `make lock` needs uv.
PYTHON ?= python3
ARGS ?=
PIP := -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --only-binary :all:
LOCK := uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --no-strip-extras --python-version 3.11 --no-header
FAST := .venv/bin/pytest -m "not long" -n 2 --dist loadfile --durations=12
COVERED := --cov --cov-report=
PURE := mcpgw/model/*,mcpgw/protocol/*,mcpgw/formats/*,mcpgw/client_configs/*,mcpgw/vault/*
NPM_LOCK := npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund
.PHONY: help setup run test test-long check conformance bench format lint lock build

help:       ## show this
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1	\2/p' Makefile | expand -t 18
setup: .venv/dev.stamp .venv-mcp1/dev.stamp .venv-vendors/dev.stamp tests/peers/node/node_modules/dev.stamp ## install all that work on the project needs
run: .venv/run.stamp ## the first run: a gateway with one server, called once (ARGS=--once ends then)
	@.venv/bin/mcpgw quickstart $(ARGS)
test: setup ## the fast tests
	$(FAST) $(if $(CI),$(COVERED)) $(ARGS)
	@$(if $(CI),touch .venv/covered.stamp)
test-long: setup tests/peers/clients/node_modules/dev.stamp ## the tests that take minutes; want gnome-keyring and dbus too
	.venv/bin/pytest -m long $(ARGS)
check: lint setup .venv/covered.stamp ## all that must hold before a commit: format, lint, types, imports, tests, coverage
	.venv/bin/coverage report --fail-under=95
	.venv/bin/coverage report --fail-under=100 --include='$(PURE)'
conformance: .venv/dev.stamp tests/conformance/node_modules/dev.stamp ## the official conformance suite, directly and through the gateway
	.venv/bin/python -m tests.conformance $(ARGS)
bench: .venv/dev.stamp ## measure against a bare proxy, on loopback
	.venv/bin/python -m bench $(ARGS)
format: .venv/dev.stamp ## write the code in the one format
	.venv/bin/ruff format
	.venv/bin/ruff check --fix
lint: .venv/dev.stamp ## the checks that run nothing: format, lint, types, imports
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
lock:       ## resolve requirements/ and the npm peers anew (ARGS=--upgrade takes newer versions)
	$(LOCK) $(ARGS) --group build -o requirements/build.lock
	$(LOCK) $(ARGS) pyproject.toml -o requirements/run.lock
	$(LOCK) $(ARGS) --extra dev -c requirements/run.lock pyproject.toml -o requirements/dev.lock
	$(LOCK) $(ARGS) --group mcp1 -o requirements/mcp1.lock
	$(LOCK) $(ARGS) --group vendors -o requirements/vendors.lock
	cd tests/peers/node && $(NPM_LOCK)
	cd tests/peers/clients && $(NPM_LOCK)
	cd tests/conformance && $(NPM_LOCK)
build: .venv/run.stamp ## a wheel in dist/
	.venv/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# Says that the tests passed on the files as they are, so that CI, where `make test` measures coverage
# too, runs them once.
.venv/covered.stamp: $(wildcard $(shell git ls-files 2>/dev/null))
	$(FAST) $(COVERED)
	@touch $@
# A stamp says that its environment was made from these locks; a changed lock makes it anew.
.venv/run.stamp: requirements/build.lock requirements/run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("mcpgw needs Python 3.11 or newer; set PYTHON=python3.x")'
	@echo "installing into .venv: half a minute, once"
	$(PYTHON) -m venv .venv
	.venv/bin/python $(LOCKED) -r requirements/build.lock -r requirements/run.lock
	.venv/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
.venv/dev.stamp: .venv/run.stamp requirements/dev.lock
	.venv/bin/python $(LOCKED) -r requirements/dev.lock
	@touch $@
.venv-mcp1/dev.stamp .venv-vendors/dev.stamp: .venv-%/dev.stamp: requirements/%.lock
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(LOCKED) -r requirements/$*.lock
	@touch $@
tests/peers/node/node_modules/dev.stamp tests/peers/clients/node_modules/dev.stamp tests/conformance/node_modules/dev.stamp: %/node_modules/dev.stamp: %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
