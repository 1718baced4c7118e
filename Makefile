# Every target first sets up .venv with the pinned dependencies; PYTHON chooses the interpreter that does it.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: all prove-all reports test bench lint clean

all: $(READY)
	@echo "Ready: .venv/bin/prove-all and .venv/bin/lifecycle (try --help)."
	@echo "Targets: prove-all, reports, test, bench, lint, clean; options go in ARGS, as in: make prove-all ARGS='--property P01'"
	@echo "make test leaves out what takes several seconds each; make test ARGS='-m slow' runs that."

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
	"Python 3.11 or newer is needed: apt-get install python3, or name one, as in: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo >&2 \
	"$(PYTHON) cannot make virtual environments: apt-get install python3-venv, then run make again."; exit 1; }
	@echo "Setting up .venv (once; it takes a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

prove-all: $(READY)
	@$(BIN)/prove-all $(ARGS)

reports: $(READY)
	@$(BIN)/lifecycle reports $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n auto -q $(ARGS)

bench: $(READY)
	@$(BIN)/python -m proofs.benchmarks $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
