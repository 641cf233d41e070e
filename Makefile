# `make help` lists what can be made. `make app` and `make test` are all a newcomer needs.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
DISK_GB := 9

.PHONY: help install app test check format bench clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## build .venv with everything, once

$(VENV)/.installed: pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "mmlib needs Python 3.11 or newer; none was found. Install it, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@[ -x $(BIN)/python ] || [ $$(df -Pk . | awk 'NR==2 {print int($$4 / 1048576)}') -ge $(DISK_GB) ] || { echo "mmlib needs $(DISK_GB) GB of free disk for its Python packages (PyTorch is the large one); free some and run make again."; exit 1; }
	@echo "Building .venv (once; several GB, a few minutes) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]' || { echo "The packages could not be installed; the lines above say why (is there a network?). Run make again to go on."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'brisque' >/dev/null 2>&1 \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps brisque >/dev/null 2>&1 \
		|| echo "The optional BRISQUE model could not be installed; everything else works without it."
	@touch $@

app: install  ## start the dashboard in the browser
	@$(BIN)/mmlib serve $(ARGS)

test: install  ## run every test
	@$(BIN)/python -m pytest $(ARGS)

check: install  ## formatting, lint, types, clean notebooks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@find notebooks -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(BIN)/nbstripout --verify {} +

format: install  ## put files into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@find notebooks -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(BIN)/nbstripout {} +

bench: install  ## time mmlib beside the peers that are installed
	@$(BIN)/mmlib bench $(ARGS)

clean:  ## remove what was built
	@rm -rf $(VENV) build dist artefacts *.egg-info .pytest_cache .mypy_cache .ruff_cache
