# Two commands for a fresh machine: `make demo` and `make test`. They need Python >= 3.11, make and git, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO ?= results/demo-run

.PHONY: demo test lint types golden engines comet bridge clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo    install into .venv and run the main job on the embedded simulated model"
	@echo "make test    install into .venv and run the tests"
	@echo "make lint    ruff and import-linter      make types   mypy --strict"
	@echo "make golden  checks on real benchmark data in \$$MEVALS_GOLDEN"
	@echo "make engines real vLLM and transformers on a CPU      make comet  the COMET worker      (minutes each)"
	@echo "make bridge  lm-eval tasks through our engine, in an environment of their own"

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install Python 3.11 or newer, or set PYTHON="; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old: Python 3.11 or newer is needed; set PYTHON=python3.12 or the like"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: this Python has no venv module: install it (Debian: apt install python3-venv)"; exit 1; }
	@echo "installing into $(VENV) (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/mevals run --model demo --suite mini --by region --results $(DEMO)
	@$(BIN)/mevals report --results $(DEMO) --by region --format html --out reports/demo.html
	@echo "summary: $(CURDIR)/reports/demo.html"

test: $(VENV)/.installed
	@$(BIN)/python -m pytest -n 2 -m "not golden and not engines and not comet and not site and not faults"

lint: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(VENV)/.installed
	@$(BIN)/mypy

golden: $(VENV)/.installed
	@$(BIN)/python -m pytest tests -n 2 --dist loadfile -m golden

engines: $(VENV)/.installed
	@PYTHON=$(abspath $(BIN))/python scripts/ci_engines.sh

comet: $(VENV)/.installed
	@PYTHON=$(abspath $(BIN))/python scripts/ci_comet.sh

bridge: $(VENV)/.installed
	@PYTHON=$(abspath $(BIN))/python scripts/ci_lm_eval.sh

clean:
	rm -rf $(VENV) results/demo-run reports/demo.html .mypy_cache .ruff_cache .hypothesis
