# `make demo` and `make test` are complete from a clean clone; `make` alone says what there is.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

# Linux without a display gets a virtual one; elsewhere there is one, or none is needed.
HIDDEN := $(shell [ "$$(uname)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ] && echo yes)
ifeq ($(HIDDEN),yes)
SHOWN := xvfb-run -a -s "-screen 0 1600x1200x24"
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench lint types format screenshots pages pins clean

help: ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: ## install system libraries, .venv and packages, where they are missing
	@PYTHON="$(PYTHON)" scripts/setup.sh

demo: setup ## score the sample slide and show it; without a display write a screenshot
	$(BIN)/focusqc demo --out out/demo

test: setup ## run all tests (FOCUSQC_TEST_DATA names the folder of real slides)
	$(SHOWN) $(BIN)/python -m pytest -q --durations=15 $(ARGS)

BENCH ?= score
bench: setup ## measure scoring (BENCH=read: reading, against OpenSlide; window: napari); ARGS are passed on
	$(BIN)/python tests/benchmarks/bench_$(BENCH).py $(ARGS)

lint: setup ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## check types
	$(BIN)/mypy

format: setup ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

SLIDE ?= $(FOCUSQC_TEST_DATA)/wsi/openslide-cmu/CMU-1-Small-Region.svs
screenshots: setup ## make the pictures of the guides again (SLIDE names CMU-1-Small-Region.svs)
	NAPARI_CONFIG= $(SHOWN) $(BIN)/python scripts/screenshots.py "$(SLIDE)" $(ARGS)

pages: setup ## write what the weights' cards say into docs/models.md
	$(BIN)/python scripts/models_page.py

pins: setup ## write the versions in .venv to constraints.txt
	$(BIN)/python scripts/pin.py

clean: ## remove .venv, caches and outputs
	rm -rf .venv out dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
