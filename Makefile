# make demo    runs the appliance on a simulated station, nothing else to install
# make test-engines   that the shipped networks build with TensorRT (146 MB, no GPU needed)
# make test    everything: lint, types, import contracts, tests (make check without installing)
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
BEHIND := $(BIN)/python -m tests.behind
SWAPS  := tests/test_swaps.py
ARGS   ?=

.PHONY: demo test test-engines engines check static calculates waits alone swaps bench bundle clean

demo: $(VENV)/.runtime
	$(BIN)/edge demo $(ARGS)

bench: $(VENV)/.runtime
	$(BIN)/edge bench $(ARGS)

test: $(VENV)/.test mosquitto
	$(MAKE) check

# First what waits for peers, two at a time, and behind it, with what it leaves of the processor, what
# only calculates; then what promises fractions of a second, and behind it the linters alone; last what
# has nothing beside it: a daemon, too, compiles a new bundle behind all others, and would share what is left
check:
	$(MAKE) --jobs=2 calculates waits
	$(MAKE) --jobs=2 static alone
	$(MAKE) swaps

static:
	@$(BEHIND) $(BIN)/ruff check .
	@$(BEHIND) $(BIN)/ruff format --check .
	@$(BEHIND) $(BIN)/mypy
	@$(BEHIND) $(BIN)/lint-imports

calculates:
	@OMP_NUM_THREADS=1 $(BEHIND) $(BIN)/pytest -m calculates --numprocesses 2 --dist loadfile --timeout 600

waits:
	$(BIN)/pytest -m waits --numprocesses 2 --dist loadfile

alone:
	$(BIN)/pytest -m "not waits and not calculates" --ignore $(SWAPS)

swaps:
	$(BIN)/pytest $(SWAPS)

test-engines: engines
	$(BIN)/python -c 'from edge.inference.trt_build import library; print(library().__version__)'
	$(BIN)/pytest tests/edge/inference/test_trt_build.py tests/edge/inference/test_trt_types.py

engines: $(VENV)/.engines

# makes the shipped bundle again, from simulation to INT8 files: a quarter of an hour with a GPU and 16 cores,
# a day on two cores
bundle: $(VENV)/.test
	$(BIN)/python -m models make --out edge/bundles/motor

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python has no venv here. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[workshop,dev]'
	@touch $@

$(VENV)/.engines: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[engines]'
	@# types alone: its dependency is the library for NVIDIA's GPUs, gigabytes that nothing here loads
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps tensorrt-stubs==10.13.0.35.1
	@touch $@

.PHONY: mosquitto
mosquitto:
	@sh tests/install-peers.sh

clean:
	rm -rf $(VENV) build *.egg-info
