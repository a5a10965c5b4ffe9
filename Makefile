# What you can do here: `make` lists it. Each target does its own set-up.

PYTHON ?= python3
VENV := .venv/bin
TOOLS := .venv-tools/bin

.DEFAULT_GOAL := help
.PHONY: help setup tools lint demo up events test test-all check lock build clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@$(PYTHON) scripts/setup.py

tools:
	@$(PYTHON) scripts/setup.py --tools

lint:
	@$(PYTHON) scripts/setup.py --lint

demo: setup ## all of Kennel at work on real photos; PHOTOS=folder for your own
	@$(VENV)/kennel demo $(if $(PHOTOS),--photos "$(PHOTOS)")

up: setup ## the offline cloud, until Ctrl-C
	@$(VENV)/kennel up

events: setup ## sample events with photos in them, for `sam local invoke`
	@$(VENV)/python events/make.py

test: setup lint ## the tests; PYTEST= for pytest's own arguments
	$(VENV)/pytest -m "not rivals" $(PYTEST)

test-all: setup tools lint ## also what needs Java, Docker, Chromium or a rival
	$(VENV)/pytest $(PYTEST)

check: setup tools lint ## style, types, the template and its roles
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/pytest -q tests/test_imports.py tests/iam/test_linters.py tests/statemachine/test_shape.py
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(TOOLS)/sam validate --lint
	.venv-lint/bin/checkov -f template.yaml -f model/Dockerfile

build: setup tools ## what `sam deploy` uploads, in .aws-sam/
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(TOOLS)/sam build

lock: ## write requirements/constraints*.txt anew from the venvs
	@$(VENV)/python scripts/lock.py

clean: ## remove everything that Kennel made, the venvs too
	rm -rf .venv .venv-tools .venv-lint .venv*.previous .kennel .aws-sam
