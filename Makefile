# Everything a contributor does, by name. `make` alone explains.

VENV    := .venv
PY      := $(VENV)/bin/python
# Stamps of what is installed; remade when a lock, or what is declared, changes.
RUNTIME := $(VENV)/.runtime-installed
DEV     := $(VENV)/.dev-installed
NODE    := tools/check/node_modules/.installed
WEB     := web/node_modules/.installed
CLIENTS := generated_clients/typescript/node_modules/.installed

PIP     := $(PY) -m pip --disable-pip-version-check --no-input --quiet
# Which checks were skipped and why, for the last lines of the tests.
SKIPPED := .make/skipped

# One more than there are processors: many tests wait for a process or a clock.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

COMPILE := $(VENV)/bin/uv --no-config pip compile --quiet --universal --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# `npm` and the linters are started by the Node.js of the environment.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-cluster check bench soak docs clients pages format lock clean

help: ## This list
	@echo "Ilo: an end-to-end encrypted messaging backend. Needs Python 3.11+ and make."
	@echo
	@awk -F ' *## *' '/^[a-z-]+:.*##/ {sub(/:.*/, "", $$1); printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make run ARGS=\"--config FOLDER\"       flags for \`ilo serve\`"
	@echo "  make test ARGS=\"tests/unit -k room\"   flags for pytest"
	@echo "  make bench ARGS=\"stored --quick\"         parts and flags; --help names them"
	@echo "  make soak ARGS=\"--minutes 30\"          flags; --help names them"
	@echo "  make PYTHON=/path/to/python3.12 ...   another Python"

run: $(RUNTIME) ## Install what is missing, then start Ilo on this machine
	@exec $(VENV)/bin/ilo serve $(ARGS)

test: check ## Install what the tests need, run the checks, then all tests
	@tools/install/system.sh
	@ILO_SKIPPED=$(SKIPPED) $(PY) -m pytest --numprocesses=$(WORKERS) --dist=worksteal $(ARGS)

# One after the other, in one process: three nodes are as much as a small machine has room for.
test-cluster: $(DEV) ## The tests that need three nodes of Cassandra, which `make test` leaves out
	@tools/install/system.sh
	@$(PY) -m pytest -m cluster $(ARGS)

check: $(DEV) $(NODE) $(CLIENTS) $(WEB) ## Formatting, lint, types, imports, contracts, locks
	@mkdir -p $(dir $(SKIPPED))
	@ILO_SKIPPED=$(SKIPPED) $(PY) -m tools.check

bench: $(DEV) ## Measure what we claim about speed
	@$(PY) -m benchmarks $(ARGS)

soak: $(DEV) ## Run Ilo under load with people who come and go; watch its memory
	@$(PY) -m benchmarks.soak $(ARGS)

docs: $(DEV) ## Build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

clients: $(DEV) $(NODE) ## Write generated_clients/ anew from the contracts
	@$(PY) -m tools.clients

pages: $(DEV) $(WEB) ## Write the API's own pages anew: from the contracts, and from web/
	@$(PY) -m tools.reference
	@$(PY) -m tools.app

format: $(DEV) ## Format the code and mend what can be mended safely
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

lock: $(DEV) ## Choose new versions: both Python locks and the three Node.js ones
	@$(COMPILE) --upgrade --group build pyproject.toml --output-file requirements.txt
	@$(COMPILE) --upgrade --constraints requirements.txt --group build --group dev \
		--extra wsgi pyproject.toml --output-file requirements-dev.txt
	@# Without the old tree: npm would copy it, and leave the hashes out.
	@for folder in tools/check web tools/clients/templates/typescript/package; do (cd $$folder && rm -rf node_modules package-lock.json && \
		npm install --package-lock-only --ignore-scripts --loglevel=error) || exit 1; done
	@$(MAKE) --no-print-directory clients
	@$(PY) -m tools.check.locks

clean: ## Remove the environment and everything made here but your data
	rm -rf $(VENV) .make build dist site tools/check/node_modules web/node_modules
	rm -rf generated_clients/typescript/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment of its own; the interpreter is looked for only when there is none.
$(PY):
	@python="$$(PYTHON='$(PYTHON)' tools/install/python.sh)" && \
		echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)

# The project itself is linked, not copied, built by the hatchling of the lock: nothing
# is fetched that no hash has checked.
$(RUNTIME): requirements.txt pyproject.toml | $(PY)
	@echo "Installing what Ilo needs (requirements.txt)"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): requirements-dev.txt generated_clients/python/pyproject.toml client/pyproject.toml $(RUNTIME)
	@echo "Installing what checks and tests need (requirements-dev.txt)"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable generated_clients/python
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable client
	@touch $@

$(NODE): tools/check/package.json tools/check/package-lock.json tools/check/.npmrc | $(DEV)
	@echo "Installing the contracts' linters (tools/check/package-lock.json)"
	@cd tools/check && npm ci --ignore-scripts --loglevel=error
	@touch $@

$(CLIENTS): generated_clients/typescript/package.json generated_clients/typescript/package-lock.json | $(DEV)
	@echo "Installing what the TypeScript clients need (generated_clients/typescript/package-lock.json)"
	@cd generated_clients/typescript && npm ci --ignore-scripts --loglevel=error
	@touch $@

$(WEB): web/package.json web/package-lock.json web/.npmrc | $(DEV)
	@echo "Installing what the page needs (web/package-lock.json)"
	@cd web && npm ci --ignore-scripts --loglevel=error
	@touch $@
