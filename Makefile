# make demo: train a pair and write demo/report.html. make test: run all tests.
# make docs: build docs/_build/index.html. make figure: draw the pictures of README and guides.
# make gpu: measure speed on a GPU with the packages of python3. Each other target creates .venv
# and installs what it needs; only Python 3.11 or newer is required.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

EXPORTED := exported-jax exported-torch exported-tensorflow

.PHONY: demo test lint docs figure served $(EXPORTED) lowest benchmarks gpu clean

demo: .venv/installed
	$(BIN)/keras-recur compare deep_thinking_1d --data prefix_sums --quick --seeds 1 --output demo --resume

# Install first, one environment at a time; then run the single-core targets in parallel.
test: .venv/installed-test .venv-serving/installed
	$(MAKE) -j 2 lint docs served
	KERAS_BACKEND=tensorflow $(PYTEST)
	KERAS_BACKEND=jax $(PYTEST)
	KERAS_BACKEND=torch $(PYTEST)

# Before a release: the tests with the lowest allowed version of each dependency. Newer
# packages warn about these old ones, so such warnings are no errors here.
lowest: .venv-lowest/installed
	KERAS_BACKEND=jax .venv-lowest/bin/python -m pytest -n 2 --dist loadfile \
		--no-loadscope-reorder -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning

# Serve the exports of all backends in an environment that has only TensorFlow.
served: $(EXPORTED) .venv-serving/installed
	.venv-serving/bin/python tests/exporting/serve_cases.py build/exported/*

# Each program runs once, so optimizing it is not worth the time.
$(EXPORTED): export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
$(EXPORTED): exported-%: .venv/installed-test
	rm -rf build/exported/$* && mkdir -p build/exported/$*
	KERAS_BACKEND=$* $(BIN)/python tests/exporting/export_cases.py build/exported/$*

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/codespell *.md keras_recur docs colab benchmarks tests tuning/README.md

docs: .venv/installed-docs
	KERAS_BACKEND=tensorflow $(BIN)/sphinx-build -q -W --keep-going docs docs/_build

figure: .venv/installed-test
	$(BIN)/python docs/figures/readme_figure.py
	$(BIN)/python docs/figures/guide_figures.py
	$(BIN)/python docs/figures/play_figure.py

benchmarks: .venv/installed-test
	$(BIN)/python benchmarks/run.py --budget 1800

# It installs nothing: the machine may have no network. GPU_PYTHON names another Python.
gpu:
	$(or $(GPU_PYTHON),python3) benchmarks/run.py --gpu

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

.venv-lowest/installed: pyproject.toml tests/lowest_versions.py
	mkdir -p build
	$(PYTHON) tests/lowest_versions.py > build/lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check -e ".[test]" -c build/lowest.txt
	touch $@

clean:
	rm -rf .venv .venv-serving .venv-lowest build demo
	rm -rf docs/_build docs/_generated docs/experiments docs/families docs/reference
