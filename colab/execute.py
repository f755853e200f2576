"""Run the notebooks of this folder from top to bottom and measure how long they take.

python colab/execute.py                       # all, at full size; writes times.csv
python colab/execute.py 02 04 --output done   # two, saved with their outputs
"""

import argparse
import csv
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import default

from keras_recur._files import replace_between

HERE = Path(__file__).resolve().parent
NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
TIMES = HERE / "times.csv"
MARKS = "<!-- times -->", "<!-- /times -->"


class OwnKernel(AsyncKernelManager):
    """Kernel of this Python, whatever kernels are registered elsewhere."""

    @default("kernel_spec_manager")
    def _without_folders(self):
        return KernelSpecManager(kernel_dirs=[])


def execute(path: Path, timeout: int = 1200, **environment: str) -> Any:
    """Run a notebook with this Python in a temporary folder and return it."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        kernel_manager_class=OwnKernel,
        extra_arguments=["--log-level=ERROR"],
    )
    with tempfile.TemporaryDirectory() as folder:
        own = {"IPYTHONDIR": str(Path(folder, ".ipython"))}
        client.execute(cwd=folder, env={**os.environ, **own, **environment})
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="first characters of names (default: all)"
    )
    parser.add_argument("--output", type=Path, help="folder for notebooks with outputs")
    arguments = parser.parse_args()
    chosen = [
        path
        for path in NOTEBOOKS
        if not arguments.names or path.name.startswith(tuple(arguments.names))
    ]
    if not chosen:
        known = ", ".join(path.stem for path in NOTEBOOKS)
        names = " or ".join(arguments.names)
        parser.error(f"no notebook begins with {names}. Choose from: {known}")
    for path in chosen:
        began, before = time.perf_counter(), cpu_seconds()
        done = execute(path)
        seconds, busy = time.perf_counter() - began, cpu_seconds() - before
        print(f"{path.stem}: {seconds:.0f} s, CPU time {busy:.0f} s", flush=True)
        if arguments.output:
            arguments.output.mkdir(parents=True, exist_ok=True)
            nbformat.write(done, arguments.output / path.name)
        if os.environ.get("SMOKE"):
            continue
        write_times(path.stem, seconds, busy)
        readme = HERE / "README.md"
        text = with_times(readme.read_text("utf-8"), read_times())
        readme.write_text(text, "utf-8")


def cpu_seconds() -> float:
    """Return the CPU time of all kernels that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_times() -> list[dict[str, str]]:
    """Return the rows of times.csv: one per notebook, backend and processor."""
    if not TIMES.exists():
        return []
    with TIMES.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_times(name: str, seconds: float, busy: float) -> None:
    """Write a row to times.csv, in place of one from the same setting."""
    from keras_recur.runs.provenance import provenance

    made = provenance()
    made["devices"] = " ".join(made["devices"])
    made["threads"] = os.environ.get("OMP_NUM_THREADS", "")
    columns = ["backend", "backend_version", "keras", "keras_recur", "python"]
    columns += ["processor", "cores", "threads", "devices", "platform", "date"]
    row = {"notebook": name, "seconds": f"{seconds:.0f}"}
    row["cpu_seconds"] = f"{busy:.0f}"
    row |= {column: str(made[column]) for column in columns}
    same = ("notebook", "backend", "processor", "cores", "threads", "devices")
    kept = [r for r in read_times() if any(r[key] != row[key] for key in same)]
    with TIMES.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted([*kept, row], key=lambda r: [r[key] for key in same]))


def with_times(readme: str, rows: list[dict[str, str]]) -> str:
    """Return the README with one line per row between its markers."""
    lines = ["| notebook | backend | processor | seconds | CPU seconds |"]
    lines.append("| --- | --- | --- | ---: | ---: |")
    for row in rows:
        cores = "1 core" if row["cores"] == "1" else f"{row['cores']} cores"
        on = f"{row['processor']}, {cores}, {row['date'][:10]}"
        lines.append(
            f"| {row['notebook']} | {row['backend']} {row['backend_version']} | {on} "
            f"| {row['seconds']} | {row['cpu_seconds']} |"
        )
    return replace_between(readme, *MARKS, "\n".join(lines))


if __name__ == "__main__":
    main()
