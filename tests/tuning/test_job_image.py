"""The Dockerfile of searches, and the Kubernetes job that runs its image."""

import ast
import fnmatch
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from simulated_hosts import JOBS, tiny

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]
DOCKERFILE = JOBS / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ALLOWED = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "ENTRYPOINT", "CMD"}


def instructions():
    """Return the name and the rest of every instruction."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line.strip()]
    text = "\n".join(line for line in lines if not line.startswith("#"))
    whole = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in whole]


def every(name):
    return [rest for found, rest in instructions() if found == name]


ARGUMENTS = dict(text.split("=", 1) for text in every("ARG"))


def test_dockerfile_has_the_python_of_the_project():
    assert {name for name, _ in instructions()} <= ALLOWED
    assert every("FROM") == ["python:${PYTHON}-slim"]
    assert PROJECT["project"]["requires-python"] == f">={ARGUMENTS['PYTHON']}"
    (entry,) = every("ENTRYPOINT")
    assert ast.literal_eval(entry)[0] in PROJECT["project"]["scripts"]


def test_dockerfile_copies_what_the_package_needs():
    copied = [source for text in every("COPY") for source in text.split()[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    build = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = ["pyproject.toml", PROJECT["project"]["readme"], *build["packages"]]
    for path in [*needed, *build["force-include"]]:
        assert any(f"{path}/".startswith(f"{s.rstrip('/')}/") for s in copied), path
    # Docker sends nothing else, such as the environments of `make`.
    ignored = (JOBS / "Dockerfile.dockerignore").read_text().splitlines()
    sent = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert ignored[0] == "*"
    assert sorted(sent) == sorted(source.rstrip("/") for source in copied)


def test_dockerfile_installs_from_package_indexes_only():
    for text in every("RUN"):
        assert not re.search(r"https?:|git\+|curl|wget|--(extra-)?index-url|-i ", text)
        assert fnmatch.fnmatch(text, '*pip install --no-cache-dir ".$extra" $PACKAGES')


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow"])
def test_dockerfile_installs_the_extra_of_a_backend(name, tmp_path):
    pip = tmp_path / "pip"
    pip.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    pip.chmod(0o755)
    (command,) = every("RUN")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": str(tmp_path), "BACKEND": name, "PACKAGES": "one two"},
        capture_output=True,
        text=True,
        check=True,
    )
    target, *packages = done.stdout.split()[2:]
    extras = PROJECT["project"]["optional-dependencies"]
    assert target == (f".[{name}]" if name in extras else ".")
    assert packages == ["one", "two"]


def test_kubernetes_runs_the_search_of_the_other_files():
    text = (JOBS / "kubernetes.yaml").read_text()
    found = text.partition("args: ")[2].partition("resources:")[0]
    arguments = ast.literal_eval(" ".join(found.split()))
    assert "--output" in tiny(arguments)  # It checks the options.
    assert "Dockerfile" in text


def test_image_runs_the_command():
    docker = shutil.which("docker") or "docker"
    try:
        subprocess.run([docker, "info"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs docker and its daemon")
    build = [docker, "build", "-q", "-f", str(DOCKERFILE), str(ROOT)]
    image = subprocess.run(build, check=True, capture_output=True, text=True)
    run = [docker, "run", "--rm", image.stdout.strip(), "--version"]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("keras-recur ")
