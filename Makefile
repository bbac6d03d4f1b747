# Darkroom: `make run` and `make test` work on a fresh Debian or Ubuntu with Python 3.11 and make.
# HOST, PORT and DATA_DIR (and every setting of docs/configuration.md) are taken from the environment.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
VPYTHON := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1

.DEFAULT_GOAL := help
.PHONY: help run dev check test test-file test-all test-js faults lint audit sbom bench bundles formats

help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

run: ## Set up what is missing, then start web and worker together
	@$(call install,requirements.txt)
	@exec $(VPYTHON) manage.py run

dev: ## Run web and worker for development: pages show errors, and the web server reloads when Python or a template changes
	@$(call install,requirements-dev.txt)
	@DEBUG=yes GUNICORN_CMD_ARGS="--reload $$(find templates -name '*.html' -printf '--reload-extra-file %p ')" \
		exec $(VPYTHON) manage.py run

check: ## Run the linters and the tests that the changes since BASE affect
	@$(call install,requirements-dev.txt)
	@tests/tools/install
	@$(MAKE) --no-print-directory lint test-js
	@$(VPYTHON) -m tests.run affected $(ARGS)

test: ## Install what the tests need, then run the linters, all tests without processes and one of each journey with them
	@$(call install,requirements-dev.txt)
	@tests/tools/install
	@$(MAKE) --no-print-directory lint test-js
	@$(VPYTHON) -m tests.run quick $(ARGS)

test-file: ## Run one file, folder or test, without linters: make test-file T=tests/test_docs.py
	@$(call install,requirements-dev.txt)
	@if [ -z "$(T)" ]; then echo "Name a test: make test-file T=tests/test_docs.py" >&2; exit 2; fi
	@$(VPYTHON) -m pytest -q $(T) $(ARGS)

test-all: ## Run every test but those that take minutes, also on PostgreSQL, Redis and S3 (AFTER=test: but what `make test` ran)
	@$(call install,requirements-dev.txt)
	@tests/tools/install
	@$(MAKE) --no-print-directory test-js
	@$(VPYTHON) -m tests.run $(if $(filter test,$(AFTER)),rest,all) $(ARGS)

test-js:
	@node --test tests/js/

faults: ## Run the long tests: 200 kills, ten minutes of load, … (prints what they counted); the others, and the browser's, on servers
	@$(call install,requirements-dev.txt)
	@tests/tools/install
	@$(VPYTHON) -m pytest -m long -p no:randomly tests/faults tests/browser $(ARGS)
	@$(VPYTHON) -m tests.run servers $(ARGS)

lint: ## Run the linters and type checks alone
	@$(call install,requirements-dev.txt)
	@tests/tools/lint $(VENV)

audit: ## Ask whether a pinned package has a known hole, where the service can be reached
	@$(call install,requirements-dev.txt)
	@tests/tools/audit $(VPYTHON)

sbom: ## Write darkroom.cdx.json, a list (CycloneDX) of the packages that Darkroom runs with
	@$(call install,requirements-dev.txt)
	@$(VPYTHON) -W ignore::UserWarning -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file darkroom.cdx.json --validate

formats: ## Write the page's list of accepted formats from the pipeline's
	@$(VPYTHON) -m processing.pipeline.formats.extensions

bundles: ## Write static/bundles/ from the scripts and style sheets in static/js/ and static/css/
	@tests/tools/install
	@node tests/tools/bundle.mjs

bench: ## Run the benchmarks
	@$(call install,requirements-dev.txt)
	@if [ -f benchmarks/__main__.py ]; then exec $(VPYTHON) -m benchmarks; else echo "There are no benchmarks yet."; fi

# Install a requirements file into the virtual environment, unless exactly that was done before. The copy kept of it says so, and
# is written last: whatever was cut off is done again.
define install
set -e; \
[ -x $(VPYTHON) ] || rm -rf $(VENV); \
if ! cmp -s $(1) $(VENV)/$(1); then \
	if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Darkroom needs Python 3.11 or newer: sudo apt install python3 python3-venv" >&2; exit 1; \
	fi; \
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "Python's venv module is missing: sudo apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "Installing $(1) into $(VENV) …"; \
	$(PYTHON) -m venv $(VENV); \
	$(VPYTHON) -m pip install --quiet --require-hashes --only-binary :all: -r $(1); \
	cp $(1) $(VENV)/$(1); \
fi
endef
