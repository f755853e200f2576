# make demo: train a pair and show what its recurrent twin can do. make test: all tests.
# make docs: the documentation, as docs/_build/index.html.
# Each makes .venv and installs what it needs; Python 3.11 or newer is all they ask for.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

EXPORTED := exported-jax exported-torch exported-tensorflow

.PHONY: demo test lint docs served $(EXPORTED) benchmarks clean

demo: .venv/installed
	$(BIN)/keras-recur compare deep_thinking_1d --data prefix_sums --quick --seeds 1 --output demo --resume

# Installations first, one by one; then what uses one core goes side by side.
test: .venv/installed-test .venv-serving/installed
	$(MAKE) -j 2 lint docs served
	KERAS_BACKEND=tensorflow $(PYTEST)
	KERAS_BACKEND=jax $(PYTEST)
	KERAS_BACKEND=torch $(PYTEST)

# What every backend exports, served by an environment that has TensorFlow alone.
served: $(EXPORTED) .venv-serving/installed
	.venv-serving/bin/python tests/exporting/serve_cases.py build/exported/*

# What runs once is not worth optimizing.
$(EXPORTED): export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
$(EXPORTED): exported-%: .venv/installed-test
	rm -rf build/exported/$* && mkdir -p build/exported/$*
	KERAS_BACKEND=$* $(BIN)/python tests/exporting/export_cases.py build/exported/$*

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

docs: .venv/installed-docs
	KERAS_BACKEND=tensorflow $(BIN)/sphinx-build -q -W --keep-going docs docs/_build

benchmarks: .venv/installed-test
	$(BIN)/python benchmarks/run.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/installed-test: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@ .venv/installed .venv/installed-docs

.venv/installed-docs: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[docs]"
	touch $@ .venv/installed

.venv-serving/installed:
	$(PYTHON) -m venv .venv-serving
	.venv-serving/bin/pip install --quiet --disable-pip-version-check "tensorflow>=2.21"
	touch $@

clean:
	rm -rf .venv .venv-serving build demo
	rm -rf docs/_build docs/experiments docs/families docs/reference
