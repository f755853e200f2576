"""Runs the notebooks of this folder from top to bottom, and says how long they took.

python colab/execute.py                    # all of them, in full; writes times.csv
python colab/execute.py 02 04 --output done   # two of them, kept with their outputs
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

HERE = Path(__file__).resolve().parent
NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
TIMES = HERE / "times.csv"
MARKS = "<!-- times -->", "<!-- /times -->"


class OwnKernel(AsyncKernelManager):
    """The kernel of this Python, whatever kernels are registered elsewhere."""

    @default("kernel_spec_manager")
    def _without_folders(self):
        return KernelSpecManager(kernel_dirs=[])


def execute(path: Path, timeout: int = 1200, **environment: str) -> Any:
    """The notebook with its outputs; run by this Python, in a folder of its own."""
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
    parser.add_argument("names", nargs="*", help="how names begin; default: all")
    parser.add_argument("--output", type=Path, help="folder for notebooks with outputs")
    asked = parser.parse_args()
    chosen = [
        path
        for path in NOTEBOOKS
        if not asked.names or path.name.startswith(tuple(asked.names))
    ]
    if not chosen:
        known = ", ".join(path.stem for path in NOTEBOOKS)
        parser.error(f"no notebook begins with {' or '.join(asked.names)}: {known}")
    for path in chosen:
        began, before = time.perf_counter(), cpu_seconds()
        done = execute(path)
        seconds, busy = time.perf_counter() - began, cpu_seconds() - before
        print(f"{path.stem}: {seconds:.0f} s, of a CPU {busy:.0f} s", flush=True)
        if asked.out:
            asked.out.mkdir(parents=True, exist_ok=True)
            nbformat.write(done, asked.out / path.name)
        if os.environ.get("SMOKE"):
            continue
        write_times(path.stem, seconds, busy)
        readme = HERE / "README.md"
        text = with_times(readme.read_text("utf-8"), read_times())
        readme.write_text(text, "utf-8")


def cpu_seconds() -> float:
    """CPU time of all kernels that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_times() -> list[dict[str, str]]:
    """The rows of times.csv, one for each notebook, backend and processor."""
    if not TIMES.exists():
        return []
    with TIMES.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_times(name: str, seconds: float, busy: float) -> None:
    """Adds a row to times.csv, in the place of one measured in the same setting."""
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
    """Return the README with a line for each row between its markers."""
    from keras_recur._files import replace_between

    lines = ["| notebook | backend | on | seconds | of a CPU |"]
    lines.append("| --- | --- | --- | ---: | ---: |")
    for row in rows:
        on = f"{row['processor']}, {row['cores']} of its cores, {row['date'][:10]}"
        lines.append(
            f"| {row['notebook']} | {row['backend']} {row['backend_version']} | {on} "
            f"| {row['seconds']} | {row['cpu_seconds']} |"
        )
    return replace_between(readme, *MARKS, "\n".join(lines))


if __name__ == "__main__":
    main()
