"""The package as a whole: what an import costs, what it offers, what its docs show."""

import doctest
import importlib.metadata
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_recur
from keras_recur.data import data_spec
from keras_recur.zoo import family

FACE = {name: getattr(keras_recur, name) for name in keras_recur.__all__}
ROOMS = [value for value in FACE.values() if inspect.ismodule(value)]
# What other calls return or raise: their examples show it.
RETURNED = {
    "AccuracyBy",
    "Dynamics",
    "FilterReuse",
    "Lesions",
    "Trajectories",
    "PreferredImages",
    "Separability",
    "StateSimilarity",
    "PathIndependence",
    "Settling",
    "Checkpoint",
    "Configuration",
    "TemplateBankModel",
    "Costs",
    "DataSpec",
    "Entry",
    "ExitMetrics",
    "Family",
    "Fold",
    "FoldCurve",
    "Iteration",
    "IterationMetrics",
    "LayerSimilarity",
    "LoopStructure",
    "Pair",
    "PairCosts",
    "Experiment",
    "ReportedCounts",
    "Request",
    "BatchNormStatistics",
    "StopRuleChoice",
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
    heavy.add("gradio")
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
    if name.endswith(".play"):
        pytest.importorskip("gradio", reason="the extra `play` is not installed")
    # Examples register a family and a data set, which other tests must not find.
    monkeypatch.setattr(family, "_families", dict(family._families))
    monkeypatch.setattr(data_spec, "_specs", dict(data_spec._specs))
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


ROOT = Path(__file__).parents[1]
# Every address in the project, and what it is. An address that nobody owns yet may be
# registered by anybody, who then gets code onto users' machines: add none of that kind.
ADDRESSES = {
    r"https://arxiv\.org/abs/(\d{4}\.\d{4,5}|\\1)?": "papers",
    r"http://www\.apache\.org/licenses/(LICENSE-2\.0)?": "the license's own text",
    r"https://doi\.org/10\.1371/journal\.pcbi\.1008215": "a paper",
    r"https://doi\.org/10\.1016/j\.neunet\.2007\.04\.016": "a paper",
    r"https://distill\.pub/2020/growing-ca": "a paper",
    r"https://docs\.python\.org/3/reference/": "the Python language reference",
    r"https://keras\.io/keras_tuner/": "KerasTuner, a dependency",
    r"https://optuna\.org": "Optuna, a dependency",
    r"github\.com/Arjung27/DeepThinking": "released code of a paper",
    r"github\.com/aks2203/deep-thinking": "released code of a paper",
    r"github\.com/cjspoerer/rcnn-sat": "released code of a paper",
    r"github\.com/zalandoresearch/fashion-mnist": "the authors' copy of a data set",
    r"github\.com/lolemacs/soft-sharing": "released code of a paper",
    r"github\.com/StanfordVL/feedback-networks": "released code of a paper",
    r"https://\\1": "no address: the replacement of a pattern",
    r"https://a\.b": "no address: an example in a test",
    r"registry\.example/keras-recur": "a reserved name, for an image of one's own",
}
# What is installed by name; a dot, a file or a variable is no name.
PACKAGES = {"tensorflow", "psycopg2-binary", "pandas", "scikit-learn", "gradio"}
ADDRESS = re.compile(
    r"(?:https?|git\+\w+|ssh|ftp)://[^\s\"'`)>\],]+|\bgit\+\S+"
    r"|\b(?:github|gitlab|bitbucket)\.(?:com|org)/[\w./-]+"
    r"|\b(?:huggingface\.co|pypi\.org|anaconda\.org|hub\.docker\.com)/[\w./-]+"
    r"|\b[\w.-]+/keras[-_]recur(?=:)|(?<=image: )[\w.-]+[/:]\S+"
)


def text_files():
    """The tracked text files of the project but this one."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    command = ["git", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    for name in names.decode().split("\0"):
        path = ROOT / name
        if not path.is_file() or path == Path(__file__).resolve():
            continue
        content = path.read_bytes()
        if b"\0" not in content[:8000]:
            yield name, content.decode("utf-8")


def addresses_in(text):
    """Addresses that are in no list."""
    found = (address.rstrip(".;:\\") for address in ADDRESS.findall(text))
    every = "|".join(ADDRESSES)
    return [address for address in found if not re.fullmatch(every, address)]


def packages_in(text):
    """Names that `pip install` is told in a text, and that are in no list."""
    names = []
    # Strings of Python that go on in the next line are one text.
    text = re.sub(r"[\"']\s*\n\s*f?[\"']", "", text)
    for words in re.findall(r"\bpip3? install((?: +\S+)+)", text.replace("\n", " ")):
        for word in words.split():
            name = re.match(r"[\"'\\]*([A-Za-z][\w.-]*)?", word)[1]
            if word.startswith("-"):
                continue
            names += [name.rstrip(".")] if name else []
            break
    return [name for name in names if name not in PACKAGES]


@pytest.mark.once
def test_every_address_in_the_project_has_an_owner():
    found = {name: addresses_in(text) for name, text in text_files()}
    found = {name: addresses for name, addresses in found.items() if addresses}
    assert not found, "say in ADDRESSES what each of these is, or remove it"


@pytest.mark.once
def test_nothing_is_installed_under_a_name_that_nobody_owns():
    found = {name: packages_in(text) for name, text in text_files()}
    found = {name: packages for name, packages in found.items() if packages}
    assert not found, "say in PACKAGES that each of these is registered"


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    [
        "git+https://github.com/keras-recur/keras_recur",
        "see https://example.invalid/x.",
        "github.com/keras-recur/keras_recur",
        "image: keras-recur:latest",
    ],
)
def test_an_unknown_address_is_found(text):
    assert addresses_in(text)


@pytest.mark.once
def test_an_unknown_package_is_found():
    assert packages_in("run `pip install keras-recur[jax]`") == ["keras-recur"]
    assert packages_in('"with `pip "\n   "install keras-recur`"') == ["keras-recur"]
    assert packages_in("pip install -q nobody") == ["nobody"]
    assert packages_in('pip install -e ".[test]" and pip install .') == []


@pytest.mark.once
def test_the_repository_is_said_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    address = keras_recur.version.REPOSITORY
    assert project.get("urls", {}).get("Repository") == address
