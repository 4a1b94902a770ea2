# make demo | test | lint | bench. Each makes .venv on demand, anew when pyproject.toml or constraints.txt change.
#
#   PYTHON       the interpreter that makes .venv; 3.11 or newer
#   TORCH_INDEX  a further package index to take torch from, say PyTorch's CPU builds:
#                make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
#   WORKERS      processes that share the tests

PYTHON ?= python3
TORCH_INDEX ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

.DELETE_ON_ERROR:
.PHONY: help install demo test lint bench

help:
	@echo "make demo    label a recording; train on a synthetic corpus, print scores and one judged conversation"
	@echo "make test    run the tests"
	@echo "make lint    run ruff and pyright"
	@echo "make bench   measure speed and memory, write bench*.json; BEFORE=FOLDER compares a checkout of an older version"
	@echo "make install only make .venv"
	@echo "options: PYTHON=$(PYTHON) WORKERS=$(WORKERS) TORCH_INDEX=$(TORCH_INDEX)"

install: $(STAMP)

# torch goes first and alone, so that TORCH_INDEX is asked for torch and what it needs, and for nothing else.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.exit(sys.version_info < (3, 11) and "merc needs Python 3.11 or newer, found " + v + "; name another with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/merc annotate "$$($(BIN)/merc sample runs/sample)"
	$(BIN)/merc demo

# One thread each: the workers share the cores, and results do not hang on the number of threads.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -q

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

bench: $(STAMP)
	$(BIN)/python benchmarks/bench.py --json bench.json
	$(BIN)/python benchmarks/annotation.py --json bench-annotation.json
	$(BIN)/python benchmarks/light.py --json bench-light.json $(if $(BEFORE),--before $(BEFORE))
