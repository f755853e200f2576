"""Measure every speed and memory claim of this library.

    python benchmarks/run.py                     short parts, every backend installed
    python benchmarks/run.py --only graph,memory --backends jax,torch
    python benchmarks/run.py --resume            only what an interruption left out
    python benchmarks/run.py --markdown          print the tables of the CSV files
    python benchmarks/run.py --write docs/speed.md
    python benchmarks/run.py --gpu               what a GPU does, in 20 minutes

Each part has a file here that says what it measures; `--help` lists them. By default,
only parts run that show soon whether a change costs 10 %. All others run by name: they
take long, are about memory, or have the sizes of a GPU (twins, gemm and training).
Every measurement runs in its own process, because a process has one Keras backend. Its
rows replace older ones in the CSV as soon as it ends. On an idle machine with 2 CPU
cores, three backends take about half an hour, and all parts for a CPU several hours.
`make benchmarks` passes `--budget 1800`, so it stops after 30 minutes and names what is
left, which `--resume` measures.

`--gpu` is for a machine with a GPU, which needs JAX or PyTorch for CUDA and no network.
It measures the parts that matter there (gpu.py), the most valuable ones first, on all
backends that see a GPU. It stops after `--budget` seconds. The same command, given
again, measures what is missing.
"""

import argparse
import importlib.util
import math
import signal
import sys
import time
from pathlib import Path

import anytime
import baked
import boundaries
import compile_time
import environment
import exported
import gemm
import gpu
import graph
import import_time
import input_pipeline
import memory
import mixing
import plain_torch
import progressive
import replay
import search_memory
import search_overhead
import search_storage
import search_workers
import short_epochs
import soft_step
import step
import threads
import training
import truncated
import twins
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rows import Row, add_rows, read_rows
from run_job import find_environment, run_job
from setting import JITS, PARTS, Asked, Job

RESULTS = environment.ROOT / "benchmarks" / "results"
JOBS = {
    "step": step.jobs,
    "compile": compile_time.jobs,
    "memory": memory.jobs,
    "import": import_time.jobs,
    "input": input_pipeline.jobs,
    "mixing": mixing.jobs,
    "soft_step": soft_step.jobs,
    "baked": baked.jobs,
    "graph": graph.jobs,
    "anytime": anytime.jobs,
    "exported": exported.jobs,
    "search_overhead": search_overhead.jobs,
    "search_workers": search_workers.jobs,
    "search_memory": search_memory.jobs,
    "search_storage": search_storage.jobs,
    "truncated": truncated.jobs,
    "replay": replay.jobs,
    "plain_torch": plain_torch.jobs,
    "short_epochs": short_epochs.jobs,
    "boundaries": boundaries.jobs,
    "threads": threads.jobs,
    "progressive": progressive.jobs,
    "twins": twins.jobs,
    "gemm": gemm.jobs,
    "training": training.jobs,
}
# What `make benchmarks` measures in at most 30 minutes on 2 CPU cores.
DEFAULT = (
    *("step", "import", "input", "mixing", "replay", "plain_torch"),
    *("short_epochs", "boundaries"),
)
console = Console(stderr=True)


def main() -> int:
    args = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends its process too
    if args.markdown or args.write:
        return _render(args)
    environments, failed = {}, False
    for backend in args.backends:
        if args.gpu and not importlib.util.find_spec(backend):
            console.print(f"{backend} is not installed. It is left out.")
            continue
        with console.status(f"starting {backend}"):
            try:
                environments[backend] = find_environment(backend, args.device)
            except RuntimeError as error:
                if args.gpu:  # GPU backends are enough.
                    console.print(f"{error} It is left out.", soft_wrap=True)
                    continue
                console.print(f"[red]{error}[/]", soft_wrap=True)
                failed = True
    if args.gpu and not environments:
        console.print(
            "[red]`--gpu` needs a backend that sees a GPU. Received: none in "
            f"{sys.executable}. Install one for CUDA, or pass --quick "
            "--device cpu to try the command.[/]",
            soft_wrap=True,
        )
        return 1
    jobs = [
        job
        for backend, found in environments.items()
        for part in args.only
        for job in JOBS[part](backend, _asked(args, found))
        if args.match in job.command
    ]
    paths = {backend: _path(args, found) for backend, found in environments.items()}
    if args.gpu:
        jobs = gpu.ordered(jobs)
        # What gave no result before must not take the time of all others again.
        jobs.sort(
            key=lambda j: _failed(
                _rows_of(j, environments[j.backend], paths[j.backend])
            )
        )
    interrupted, left = False, []
    try:
        missing = _measure(jobs, args, environments, paths, left)
        failed = missing or failed
    except KeyboardInterrupt:
        interrupted = True
    for path in dict.fromkeys(paths.values()):
        console.print(f"Results: {path}", soft_wrap=True)
    if left:
        names = "".join(f"\n  {job}" for job in left)
        console.print(
            f"The budget of {args.budget} s does not suffice for {len(left)} "
            f"measurements:{names}\nRun the command again "
            f"{'' if args.resume else 'with --resume '}to measure them.",
            soft_wrap=True,
        )
    if interrupted:
        console.print("Interrupted. Use --resume to measure what is missing.")
    return 130 if interrupted else int(failed)


def _measure(jobs, args, environments, paths, left) -> bool:
    """Run the jobs. Return whether any of them gave no result.

    Jobs for which the budget does not suffice are added to `left`.
    """
    failed, measured, begin = False, 0, time.perf_counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(jobs))
        for job in jobs:
            found, path = environments[job.backend], paths[job.backend]
            before = _rows_of(job, found, path)
            if args.resume and before and not _failed(before):
                progress.advance(task)
                continue

            start = time.perf_counter()
            rest = args.budget - (start - begin) if args.budget else math.inf
            if rest < gpu.expected(job):
                left.append(job)
                progress.advance(task)
                continue

            def show(text, job=job):
                progress.update(task, description=f"{job}: {text}")

            show("starting")
            limit = min(args.limit, round(rest, 1))
            rows = run_job(job, args.device, found, limit, show)
            add_rows(path, rows)
            measured += 1
            seconds = time.perf_counter() - start
            notes = "".join(f" [red]{row.note}[/]" for row in rows if row.note)
            if notes and limit < args.limit and seconds > limit:
                left.append(job)
            else:
                failed = failed or bool(notes)
            progress.console.print(f"{job}: {seconds:.0f} s{notes}", soft_wrap=True)
            progress.advance(task)
        progress.update(task, description="done")
    minutes = (time.perf_counter() - begin) / 60
    console.print(f"Wall time of {measured} measurements: {minutes:.1f} min")
    return failed


def _rows_of(job: Job, found: dict[str, str], path: Path) -> list[Row]:
    """Return the file's rows of this job from the same code and versions."""
    same = ("hardware", "python", "keras", "backend_version", "keras_recur", "commit")
    return [
        row
        for row in read_rows(path)
        if (row.backend, row.command) == (job.backend, job.command)
        and all(getattr(row, name) == found[name] for name in same)
    ]


def _failed(rows: list[Row]) -> bool:
    return any(row.note for row in rows)


def _asked(args, found: dict[str, str]) -> Asked:
    sizes = {"batch": args.batch, "width": args.width}
    device = "gpu" if args.gpu else found["device"]
    return Asked(args.quick, args.repeats, device, **sizes)


def _path(args, found: dict[str, str]) -> Path:
    quick = "-quick" if args.quick else ""
    return args.output or RESULTS / f"{environment.slug(found['hardware'])}{quick}.csv"


def _render(args) -> int:
    from speed_page import speed_page, write_page  # It imports Keras.

    try:
        text = speed_page(args.results)
        if args.write:
            write_page(args.write, text)
        else:
            print(text)
    except (OSError, ValueError) as error:
        console.print(f"[red]{error}[/]", soft_wrap=True)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    def names(allowed):
        def split(text):
            given = [name.strip() for name in text.split(",")]
            wrong = [name for name in given if name not in allowed]
            if wrong:
                raise argparse.ArgumentTypeError(
                    f"unknown: {', '.join(wrong)}. Allowed: {', '.join(allowed)}"
                )
            return given

        return split

    def positive(text):
        if not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"must be a positive integer, not {text}")
        return int(text)

    here = [name for name in JITS if importlib.util.find_spec(name)]
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    add = parser.add_argument
    add("--backends", type=names(JITS), help="comma-separated")
    add(
        "--only",
        type=names(PARTS),
        help=f"comma-separated; default: {', '.join(DEFAULT)}. The others are "
        f"{', '.join(part for part in PARTS if part not in DEFAULT)}",
    )
    add("--match", default="", help="measure only commands that contain this text")
    add("--quick", action="store_true", help="tiny sizes, only to check that it runs")
    add("--repeats", type=positive, help="number of pairs or steps per median")
    add(
        "--batch",
        type=positive,
        help="batch of SWRN; default: 8 on a CPU, 128 on a GPU",
    )
    add("--width", type=positive, help="width of SWRN; default: 10")
    add("--device", choices=("auto", "cpu", "gpu"), help="default: auto")
    add(
        "--gpu",
        action="store_true",
        help="measure what matters on a GPU; see above",
    )
    add(
        "--limit",
        type=positive,
        help=f"seconds for one measurement; default: 900, with --gpu {gpu.LIMIT}",
    )
    add(
        "--budget",
        type=positive,
        help=f"seconds for all; default: no limit, with --gpu {gpu.BUDGET}",
    )
    add(
        "--resume",
        action="store_true",
        help="skip what the CSV already has",
    )
    add("--output", type=Path, help="CSV file; default: results/<hardware>.csv")
    add("--markdown", action="store_true", help="print the tables; measure nothing")
    add("--write", type=Path, metavar="PAGE", help="put the tables into PAGE")
    add("--results", type=Path, default=RESULTS, help="folder of the CSV files")
    args = parser.parse_args()
    parts = gpu.EXPECTED if args.gpu else DEFAULT
    args.only = args.only or [name for name in PARTS if name in parts]
    args.backends = args.backends or (gpu.BACKENDS if args.gpu else here)
    args.device = args.device or ("gpu" if args.gpu else "auto")
    args.limit = args.limit or (gpu.LIMIT if args.gpu else 900)
    args.budget = args.budget or (gpu.BUDGET if args.gpu else None)
    args.resume = args.resume or args.gpu
    return args


if __name__ == "__main__":
    sys.exit(main())
