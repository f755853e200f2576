"""The notebooks: their form, and that they run from top to bottom at small sizes."""

import importlib.util
import sys
import types
from pathlib import Path

import keras
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "colab").glob("*.ipynb"))}
ALL = list(NOTEBOOKS)


@pytest.fixture
def execute(monkeypatch):
    """Import the script, which alone needs the packages of Jupyter."""
    monkeypatch.syspath_prepend(str(ROOT / "colab"))
    import execute

    return execute


@pytest.mark.once
def test_notebooks_are_numbered():
    assert [name[:3] for name in NOTEBOOKS] == ["01_", "02_", "03_", "04_", "05_"]


@pytest.mark.once
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_has_the_common_form(name):
    notebook = nbformat.read(NOTEBOOKS[name], as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.nbformat == 4
    first, install, backend, *rest = notebook.cells
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert install.cell_type == backend.cell_type == "code"
    assert install.source == nbformat.read(NOTEBOOKS[ALL[0]], 4).cells[1].source
    assert 'find_spec("keras_recur") is None' in install.source
    assert 'setdefault("KERAS_BACKEND", "tensorflow")' in backend.source
    assert "SMOKE" in backend.source and "import keras" not in backend.source
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    # At most two code cells follow each other without an explanation.
    kinds = "".join(cell.cell_type[0] for cell in rest)
    assert "ccc" not in kinds and "m" in kinds


@pytest.mark.once
def test_readme_lists_all_notebooks():
    readme = (ROOT / "colab" / "README.md").read_text("utf-8")
    for name in NOTEBOOKS:
        (line,) = (x for x in readme.splitlines() if x.startswith(f"| [{name}]"))
        assert f"]({name}.ipynb)" in line


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Return a function that runs the first cell as if nothing were installed."""
    source = nbformat.read(NOTEBOOKS[ALL[0]], as_version=4).cells[1].source
    source = source.replace('%pip install -q "{source}"', "installed.append(source)")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)

    def run():
        installed = []
        exec(source, {"installed": installed})
        return installed

    return run


@pytest.mark.once
def test_install_cell_uses_the_checkout_of_the_notebook(install, tmp_path, monkeypatch):
    (tmp_path / "keras_recur").mkdir()
    (tmp_path / "keras_recur/version.py").touch()
    assert install() == [str(tmp_path)]
    (tmp_path / "colab").mkdir()
    monkeypatch.chdir(tmp_path / "colab")
    assert install() == [str(tmp_path)]


@pytest.mark.once
def test_install_cell_uses_an_uploaded_wheel_on_colab(install, tmp_path, monkeypatch):
    names = ["notes.txt", "keras_recur-0.1.0-py3-none-any.whl"]
    colab = types.ModuleType("google.colab")
    colab.files = types.SimpleNamespace(upload=lambda: dict.fromkeys(names))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert install() == [str(tmp_path / names[1])]
    names.pop()
    with pytest.raises(RuntimeError, match="keras_recur is not installed"):
        install()


@pytest.mark.once
def test_install_cell_refuses_other_sources(install):
    with pytest.raises(RuntimeError, match="Run `pip install .` in a checkout of it"):
        install()


@pytest.mark.once
def test_readme_has_the_times_of_the_file(execute):
    readme = (ROOT / "colab" / "README.md").read_text("utf-8")
    rows = execute.read_times()
    assert readme == execute.with_times(readme, rows)
    assert {row["notebook"] for row in rows} == {*NOTEBOOKS}
    assert all(0 < float(row["cpu_seconds"]) <= 300 for row in rows)


@pytest.mark.once
def test_write_times_replaces_the_row_of_the_same_setting(
    execute, tmp_path, monkeypatch
):
    monkeypatch.setattr(execute, "TIMES", tmp_path / "times.csv")
    assert execute.read_times() == []
    for name, seconds in (("02_b", 8.4), ("01_a", 1.0), ("02_b", 9.6)):
        execute.write_times(name, seconds, 2.0)
    rows = execute.read_times()
    found = [(row["notebook"], row["seconds"]) for row in rows]
    assert found == [("01_a", "1"), ("02_b", "10")]
    text = execute.with_times("a <!-- times -->old<!-- /times --> z", rows)
    assert text.startswith("a ") and text.endswith(" z") and "old" not in text
    assert f"| 02_b | {keras.backend.backend()} " in text


@pytest.mark.once
def test_execute_raises_the_error_of_a_cell(execute, tmp_path):
    from nbclient.exceptions import CellExecutionError

    path = tmp_path / "wrong.ipynb"
    cells = [nbformat.v4.new_code_cell("import sys; print(sys.executable)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    (cell,) = execute.execute(path).cells
    assert cell.outputs[0].text.strip() == sys.executable
    cells[0].source = "1 / 0"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute.execute(path)


# Each notebook runs on one backend. Other tests run what it calls on all of them.
BACKENDS = ("torch", "jax", "torch", "tensorflow", "torch")
RUN_ON = dict(zip(NOTEBOOKS, BACKENDS, strict=True))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.once(at)) for name, at in RUN_ON.items()],
)
def test_notebook_runs(name, execute, backend):
    done = execute.execute(NOTEBOOKS[name], 120, SMOKE="1", KERAS_BACKEND=backend)
    outputs = [
        output
        for cell in done.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    printed = "".join(o.text for o in outputs if o.output_type == "stream")
    assert f" on {backend}\n" in printed
    assert "Warning" not in printed
    assert any("image/png" in o.get("data", ()) for o in outputs)


@pytest.mark.once
def test_execute_writes_notebooks_with_outputs(execute, tmp_path, monkeypatch):
    path = tmp_path / "01_one.ipynb"
    cells = [nbformat.v4.new_code_cell("print(1 + 1)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    monkeypatch.setattr(execute, "NOTEBOOKS", [path])
    monkeypatch.setenv("SMOKE", "1")
    folder = tmp_path / "done"
    monkeypatch.setattr(sys, "argv", ["execute.py", "01", "--output", str(folder)])
    execute.main()
    (cell,) = nbformat.read(folder / path.name, as_version=4).cells
    assert cell.outputs[0].text == "2\n"
