# A fresh machine needs Python >= 3.11 and make, nothing else.
#
#   make demo    install, record the logistic example's training, open it
#   make test    install what the tests need, run them
#   make check   what CI runs: format, lint, types, layers, tests
#   make oracle  run PyTorch's own operator samples bare and under capture
#   make bench   measure capture, storage and the terminal interface; takes minutes
#   make clean   remove everything that was made here
#
# PIP_FLAGS reaches every pip. The CPU build of torch is a tenth of the default on Linux:
#   make demo PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"
# ARGS reaches `python -m tests.bench` (--help lists them), PEERS=1 installs other tools
# and measures them beside:
#   make bench ARGS="--only memory"
#   make bench ARGS="--only mlp,resnet18 --rounds 3" PEERS=1

PYTHON ?= python3
PIP_FLAGS ?=
PYTEST_FLAGS ?= -n 3
ARGS ?=
PEERS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS)

.DELETE_ON_ERROR:
.PHONY: demo test check lint oracle bench clean

demo: $(VENV)/installed
	$(BIN)/graphscope demo

test: $(VENV)/installed-dev
	$(BIN)/pytest $(PYTEST_FLAGS)

# One after the other also with -j: the first complaint is the one to read.
check: lint
	$(MAKE) --no-print-directory test

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

oracle: $(VENV)/installed-dev
	$(BIN)/python -m tests.oracle

bench: $(VENV)/installed-dev $(if $(PEERS),$(VENV)/installed-bench)
	$(BIN)/python -m tests.bench $(if $(PEERS),--peers) $(ARGS)

clean:
	rm -rf $(VENV) build dist graphscope-demo .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache
	find graphscope demos tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says that its recipe ended well, and depends on the one before: two pips
# never run at once.
$(VENV)/created:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("graphscope needs Python >= 3.11, this is " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade 'pip>=25.1'
	touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml constraints.txt hatch_build.py $(wildcard graphscope/capture/kernel/*.[ch])
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --constraint constraints.txt --group dev
	touch $@

$(VENV)/installed-bench: $(VENV)/installed-dev
	$(PIP) --constraint constraints.txt --editable '.[bench]'
	touch $@
