"""The package as a whole: what an import costs, what it offers, what its docs show."""

import doctest
import importlib.metadata
import inspect
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_recur

FACE = {name: getattr(keras_recur, name) for name in keras_recur.__all__}
ROOMS = [value for value in FACE.values() if inspect.ismodule(value)]
# What other calls return or raise: their examples show it.
RETURNED = {
    "BestConfiguration",
    "Checkpoint",
    "Configuration",
    "Converted",
    "Costs",
    "DataSpec",
    "Entry",
    "Family",
    "Fold",
    "FoldCurve",
    "Iteration",
    "IterationMetrics",
    "LayerSimilarity",
    "Loop",
    "Pair",
    "PairCosts",
    "Experiment",
    "Published",
    "Statistics",
    "TrainingDiverged",
}
OFFERED = {f"keras_recur.{name}": value for name, value in FACE.items()} | {
    f"{room.__name__}.{name}": getattr(room, name)
    for room in ROOMS
    for name in room.__all__
}
PUBLIC = {
    name: value
    for name, value in OFFERED.items()
    if inspect.isclass(value) or inspect.isfunction(value)
}
# What is offered under two names has one example.
EXAMPLES = {o: n for n, o in PUBLIC.items() if ">>>" in str(o.__doc__)}


class AnyBackend(doctest.OutputChecker):
    """Shapes are tuples in the examples; two backends have types of their own."""

    def check_output(self, want, got, optionflags):
        got = re.sub(r"(?:torch\.Size|TensorShape)\(\[(.*?)\]\)", r"(\1)", got)
        return super().check_output(want, got, optionflags)


def modules_after(*imports, backend="jax"):
    code = "; ".join(
        [*(f"import {i}" for i in imports), "import sys; print(*sys.modules)"]
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.once
def test_importing_it_imports_little_more_than_keras():
    added = modules_after("keras", "keras_recur") - modules_after("keras")
    heavy = {"tensorflow", "tensorflow_datasets", "keras_tuner", "matplotlib", "torch"}
    assert "keras_recur" in added
    assert not added & heavy


def test_the_version_is_in_one_place():
    assert keras_recur.__version__ == keras_recur.version.__version__
    try:
        installed = importlib.metadata.version("keras-recur")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is not installed")
    assert keras_recur.__version__ == installed


@pytest.mark.parametrize("module", [keras_recur, *ROOMS], ids=lambda m: m.__name__)
def test_public_names(module):
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name), name


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_have_examples(name):
    doc = inspect.getdoc(PUBLIC[name])
    assert doc and doc.splitlines()[0].strip()
    if name.rpartition(".")[2] not in RETURNED:
        assert "Example:" in doc and ">>>" in doc


@pytest.mark.parametrize(
    "name",
    [
        # From the backend that writes it, exporting needs no other process.
        pytest.param(
            name,
            marks=pytest.mark.once("tensorflow" if "export" in name else "torch"),
        )
        for name in EXAMPLES.values()
    ],
)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = PUBLIC[name]
    module = sys.modules[found.__module__]
    names = {**vars(module), "np": np, "keras": keras, "keras_recur": keras_recur}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(AnyBackend(), optionflags=flags)
    report = []
    examples = doctest.DocTestFinder(recurse=False).find(found, name, module, names)
    assert examples and examples[0].examples
    for example in examples:
        runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)
