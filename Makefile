# What you can do here: `make` lists it. Each target does its own set-up.

# The Python that .venv was made with, once it is: another one would make it anew.
PYTHON ?= $(or $(wildcard $(shell sed -n 's/^command = \(.*\) -m venv .*/\1/p' .venv/pyvenv.cfg 2>&-)),python3)
VENV := .venv/bin
TOOLS := .venv-tools/bin

.DEFAULT_GOAL := help
.PHONY: help setup tools lint sdks demo up events test test-all parallel-tests coverage check lock build sbom clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@$(PYTHON) scripts/setup.py

tools:
	@$(PYTHON) scripts/setup.py --tools

lint:
	@$(PYTHON) scripts/setup.py --lint

sdks:
	@$(PYTHON) scripts/setup.py --sdk2
	@$(PYTHON) scripts/setup.py --sdk3

demo: setup ## all of Kennel at work on real photos; PHOTOS=folder for your own
	@$(VENV)/kennel demo $(if $(PHOTOS),--photos "$(PHOTOS)")

up: setup ## the offline cloud, until Ctrl-C
	@$(VENV)/kennel up

events: setup ## sample events with photos in them, for `sam local invoke`
	@$(VENV)/python events/make.py

test: setup lint ## the tests, about eight minutes on two cores; PYTEST= for pytest's own arguments
ifdef PYTEST
	$(VENV)/pytest -m "$(QUICK)" $(PYTEST)
else
	@$(MAKE) --no-print-directory parallel-tests SELECT='-m "$(QUICK)"'
endif

test-all: setup tools lint sdks ## also the slow ones, and what needs Java, Docker, Chromium or a rival
ifdef PYTEST
	$(VENV)/pytest $(PYTEST)
else
	@$(MAKE) --no-print-directory parallel-tests
endif

QUICK := not rivals and not slow
# Three processes even on two cores: much of a test is waiting. Each may hold an offline cloud, or PyTorch. What stays in
# one process: tests/conftest.py.
PARALLEL := --numprocesses=3 --dist=loadfile
unexport PYTHONDONTWRITEBYTECODE # images set it; each process would then compile all the tests anew
export OMP_WAIT_POLICY := passive # PyTorch's threads then sleep, where they would spin on cores that others need

parallel-tests:
	$(VENV)/pytest $(PARALLEL) $(SELECT)

coverage: setup ## branch coverage of functions/ by the tests that run in pytest's own process; fails under 95 %
	$(VENV)/pytest -q -m "$(QUICK)" --cov --cov-report=term-missing:skip-covered tests/functions tests/test_contract.py

check: setup tools lint ## style, types, the templates and their roles
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/pytest -q tests/test_imports.py tests/iam/test_linters.py tests/statemachine/test_shape.py
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(TOOLS)/sam validate --lint
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(TOOLS)/sam validate --lint --template workbench.yaml
	.venv-lint/bin/checkov -f template.yaml -f workbench.yaml -f model/Dockerfile

build: setup tools ## what `sam deploy` uploads, in .aws-sam/
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(TOOLS)/sam build

lock: ## write requirements/constraints*.txt anew from the venvs, and the hashes of what is deployed
	@$(VENV)/python scripts/lock.py

sbom: setup tools ## what is deployed as CycloneDX bills of materials, in .kennel/sbom
	@$(VENV)/python scripts/sbom.py

clean: ## remove everything that Kennel made, the venvs too
	rm -rf .venv .venv-tools .venv-lint .venv-sdk2 .venv-sdk3 .venv*.previous .kennel .aws-sam
