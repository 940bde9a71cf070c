# The commands of this repository. Each one works on a fresh machine with Python 3.11 or later and a package index.
#
#   make run       synthetic country, then the real Airflow DAGs for MONTH pulling it over HTTP, into ./store
#   make test      every check and every test
#   make airflow   the Airflow UI on 127.0.0.1 with embedded defaults
#   make help      all targets and settings

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
MONTH ?= 2018-07
SCALE ?= 0.1
SEED ?= 1
STORE ?= store
SYNTHETIC ?= synthetic
PORT ?= 8048
AIRFLOW_PORT ?= 8080
JOBS ?= 2
ROUNDS ?= 3

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
AIRFLOW_HOME := $(CURDIR)/.airflow
FROM := 2015-07
TO := $(shell printf '%s\n' $(MONTH) 2018-07 | sort | tail -n 1)
BENCH := build/bench
TREE := $(SYNTHETIC)/$(FROM)-$(TO)-scale-$(SCALE)-seed-$(SEED)

export AIRFLOW_HOME
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo "Settings: MONTH=$(MONTH) SCALE=$(SCALE) SEED=$(SEED) STORE=$(STORE) SYNTHETIC=$(SYNTHETIC) PORT=$(PORT) AIRFLOW_PORT=$(AIRFLOW_PORT) JOBS=$(JOBS) ROUNDS=$(ROUNDS)"

.PHONY: install
install: $(STAMP) ## make .venv and install exactly what the lock files say

$(STAMP): requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed, this is %d.%d; say make PYTHON=..." % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV) (one to three minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip check
	@touch $@

.PHONY: synthetic
synthetic: $(TREE) ## write the synthetic country, unless it is there

$(TREE): | $(STAMP)
	@rm -rf $@.partial
	$(BIN)/kennzahlen synth --out $@.partial --from $(FROM) --to $(TO) --scale $(SCALE) --seed $(SEED)
	@mv $@.partial $@

.PHONY: run
run: install $(TREE) ## the whole job: pull over HTTP, validate, count, compute, compare, publish, in Airflow
	PYTHONWARNINGS=ignore $(BIN)/python dags/run_local.py --month $(MONTH) --serve $(TREE) --port $(PORT) --store $(STORE)
	@$(BIN)/kennzahlen summary --month $(MONTH) --store $(STORE)

# The scheduler, the API server, the DAG processor and the triggerer are one process group, which ends with this command.
.PHONY: airflow
airflow: export AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags
airflow: export AIRFLOW__CORE__LOAD_EXAMPLES := False
airflow: export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS := True
airflow: export AIRFLOW__CORE__PARALLELISM := 2
airflow: export AIRFLOW__API__HOST := 127.0.0.1
airflow: export AIRFLOW__API__PORT := $(AIRFLOW_PORT)
airflow: export AIRFLOW__API__BASE_URL := http://127.0.0.1:$(AIRFLOW_PORT)
airflow: export AIRFLOW__API__WORKERS := 1
airflow: export AIRFLOW__LOGGING__LOGGING_LEVEL := WARNING
airflow: export AIRFLOW__LOGGING__NAMESPACE_LEVELS := kennzahlen=INFO
airflow: export KENNZAHLEN_STORE := $(abspath $(STORE))
airflow: export KENNZAHLEN_SOURCES ?= $(abspath $(TREE))
airflow: export KENNZAHLEN_SCHEDULE_START ?= 2100-01-01
airflow: install $(TREE) ## the Airflow UI on http://127.0.0.1:8080, without password, on this machine only
	@echo "Airflow starts on http://127.0.0.1:$(AIRFLOW_PORT) (half a minute). Trigger kennzahlen_monat with partition key $(MONTH)."
	@PATH="$(CURDIR)/$(BIN):$$PATH" setsid $(BIN)/airflow standalone & group=$$!; \
	stop() { trap - EXIT INT TERM; echo "Airflow ends (up to half a minute) ..."; kill -TERM -- -$$group 2>/dev/null || true; \
	  for _ in $$(seq 30); do kill -0 -- -$$group 2>/dev/null || return 0; sleep 1; done; \
	  kill -KILL -- -$$group 2>/dev/null || true; }; \
	trap stop EXIT INT TERM; wait $$group

.PHONY: lint
lint: install ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A file's tests run on one worker, so that what they share is made once.
.PHONY: test
test: lint ## lint, then every test
	$(BIN)/pytest -n $(JOBS) --dist loadfile

.PHONY: test-thorough
test-thorough: install ## the tests that make many releases or worlds, ten minutes and more
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m thorough

# Polars and PySpark (400 MB) are no part of the product: they lie in a folder of their own, which only contenders and tests read.
.PHONY: bench-packages
bench-packages: install $(BENCH)/.installed ## install what make bench compares with

.PHONY: bench
bench: SCALE = 0.05
bench: bench-packages ## our count beside pandas, Polars, SQL and PySpark; data made once per SCALE, ROUNDS rounds
	$(BIN)/python -m benchmarks run --scale $(SCALE) --rounds $(ROUNDS) --data $(BENCH) --packages $(BENCH)/packages

.PHONY: bench-smoke
bench-smoke: SCALE = 0.05
bench-smoke: bench-packages ## do all contenders count alike? once each, no steps of the product; nothing is judged by time
	$(BIN)/python -m benchmarks run --scale $(SCALE) --rounds 1 --no-steps --require-all --data $(BENCH) \
	  --packages $(BENCH)/packages --out $(BENCH)/smoke-scale-$(SCALE).json

$(BENCH)/.installed: requirements-bench.lock | $(STAMP)
	@rm -rf $(BENCH)/packages
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --target $(BENCH)/packages -r $<
	@touch $@

.PHONY: bench-fetch
bench-fetch: FILES = 100000
bench-fetch: install ## many small deliveries from a local server, pulled by kennzahlen fetch: FILES=100000
	$(BIN)/python -m benchmarks.fetching --files $(FILES) --data $(BENCH)

.PHONY: bench-compare
bench-compare: install ## two results of make bench side by side: A=FILE B=FILE
	@$(BIN)/python -m benchmarks compare $(A) $(B)

.PHONY: bench-page
bench-page: install ## docs/method/speed.md with its curves, written from benchmarks/results
	@$(BIN)/python -m benchmarks page

.PHONY: lock
lock: ## write the lock files anew from pyproject.toml
	@$(PYTHON) -m venv build/uv && build/uv/bin/python -m pip install --quiet uv
	build/uv/bin/uv pip compile pyproject.toml --quiet --extra airflow --extra dev --universal --generate-hashes --no-annotate --no-header -o requirements.lock
	build/uv/bin/uv pip compile pyproject.toml --quiet --extra bench --extra spark --constraints requirements.lock \
	  $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
	  --universal --generate-hashes --no-annotate --no-header -o requirements-bench.lock
	for executor in celery kubernetes; do \
	  build/uv/bin/uv pip compile pyproject.toml --quiet --extra $$executor --constraints requirements.lock \
	    $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
	    --universal --generate-hashes --no-annotate --no-header -o requirements-$$executor.lock; \
	done
	echo 'setuptools>=77' | build/uv/bin/uv pip compile - --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements-build.lock

.PHONY: clean
clean: ## remove what the commands made, but not the store
	rm -rf $(VENV) build .airflow synthetic .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache src/*.egg-info
