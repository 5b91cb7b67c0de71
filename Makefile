# puffpy: `make demo` and `make test` work on a fresh Linux machine; each sets itself up.
#
#   make demo    mount detrempe, replay a session on it, unmount
#   make test    lint, types and every test
#   make pytest  the tests alone; PYTEST="-k readdir" chooses
#   make lint    lint and types alone
#   make docs    the documentation, into docs/_build/html
#   make stress  stress-ng, fio, dbench and bonnie++ at length (an hour); the tests run each for a moment
#   make fuzz    messages that nobody means well, for an hour; the tests send some for a minute
#   make soak    clients at work while they and their servers are killed, ten minutes; the tests: half a one
#   make bench   the figures of speed
#   make clean   remove what the above have made
#
# PYTHON chooses the interpreter (3.10 or later), VENV where its virtual environment goes.

PYTHON ?= python3
VENV   ?= .venv
PYTEST ?=

BIN     := $(VENV)/bin
SOURCES := $(wildcard puffpy filesystems tests benchmarks)

.PHONY: demo test pytest lint docs stress fuzz soak bench clean
.DEFAULT_GOAL := test

demo: $(VENV)/.installed-core
	$(BIN)/python -m filesystems.demo

test: lint pytest

pytest: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

stress: $(VENV)/.installed-test
	PUFFPY_STRESS=long $(BIN)/python -m pytest tests/stress -o timeout=3600 -o faulthandler_timeout=3000 $(PYTEST)

fuzz: $(VENV)/.installed-test
	PUFFPY_FUZZ=long $(BIN)/python -m pytest tests/hostile -s -o timeout=1800 -o faulthandler_timeout=1500 $(PYTEST)

soak: $(VENV)/.installed-test
	PUFFPY_SOAK_SECONDS=$${PUFFPY_SOAK_SECONDS:-600} $(BIN)/python -m pytest tests/soak -s -o faulthandler_timeout=600 $(PYTEST)

# The peers have an environment of their own.
bench:
	$(MAKE) VENV=build/venv-bench build/venv-bench/.installed-bench
	build/venv-bench/bin/python -m benchmarks $(BENCH)

clean:
	rm -rf build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf $(VENV)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages: the second run installs nothing.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "puffpy needs Python 3.10 or later; say: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed-core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	@touch $@

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

build/venv-bench/.installed-bench: benchmarks/requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --requirement benchmarks/requirements.txt
	@touch $@
