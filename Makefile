# `make help` lists all there is; `make check` is what CI runs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
# The one thing that is not installed here: an interpreter, 3.11 or newer.
PYTHON ?= python3
# Half the tests on each core; 0 runs them in this process.
WORKERS ?= 2
PACKAGES := portal activities workflows api worker deploy tests

.PHONY: help demo demo-reset setup browser node lint test check fix figures messages vendor record guide lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# --- set-up: a virtual environment from the lock files, nothing else ---

$(PY):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.lock | $(PY)
	@echo "Installing what the portal and its servers need (once)…"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(PY)
	@echo "Installing what the portal, its servers and its tests need (once)…"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.dev browser node ## install everything for development

browser: $(VENV)/.dev
	@$(PY) -m tests.journeys.browser

node: $(VENV)/.dev
	@$(PY) -m tests.node

# --- run ---

demo: $(VENV)/.demo ## start everything on this machine; Ctrl-C stops all
	@exec $(PY) -m deploy.demo

demo-reset: $(VENV)/.demo ## forget what the demo has stored
	@$(PY) -m deploy.demo --reset

# --- check ---

lint: $(VENV)/.dev ## format, lint, types, import contracts, templates, generated files
	$(VENV)/bin/ruff format --check $(PACKAGES)
	$(VENV)/bin/ruff check $(PACKAGES)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint --quiet --lint api/templates activities/mails
	$(PY) -m deploy.environment --check

test: setup ## run all tests against real servers
	@# Real servers, a browser and killed processes on two cores are sometimes late: what failed is run once more,
	@# alone. What fails twice fails.
	$(PY) -m pytest $(if $(filter-out 0,$(WORKERS)),-n $(WORKERS) --dist loadfile --no-loadscope-reorder) || $(PY) -m pytest --last-failed --last-failed-no-failures none

check: lint test ## all that CI does

fix: $(VENV)/.dev ## format and mend what can be mended
	$(VENV)/bin/ruff format $(PACKAGES)
	$(VENV)/bin/ruff check --fix $(PACKAGES)

figures: $(VENV)/.dev ## measure and print what docs/figures.md tells
	$(PY) -m tests.figures

# --- generated files ---

messages: $(VENV)/.dev ## refresh the catalogues; then complete portal/locales/en_CA
	$(VENV)/bin/pybabel -q extract -F portal/locales/babel.cfg --no-location --sort-output --no-wrap --omit-header -o portal/locales/portal.pot portal/text api activities
	$(VENV)/bin/pybabel -q update -D portal -d portal/locales -i portal/locales/portal.pot --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

vendor: $(VENV)/.demo ## bring in what browsers need from elsewhere (needs npm)
	@$(PY) -m deploy.vendor

record: $(VENV)/.dev ## record the workflow histories that are replayed
	$(PY) -m tests.workflows.record

guide: setup ## take the pictures of the guide and of the README from the running portal
	$(PY) -m tests.guide

lock: ## renew the lock files (needs uv)
	uv pip compile --upgrade --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11 --extra demo pyproject.toml -o requirements.lock
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11 --extra demo --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## forget the virtual environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
