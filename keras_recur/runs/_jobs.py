"""Equal worker processes that train the networks of a run."""

import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._child import (
    ENOUGH,
    SHARED_MEMORY,
    child_command,
    child_environment,
    cores,
    own_device,
    thread_limits,
)
from keras_recur._limits import MAX_WORKERS
from keras_recur._validation import check_integer
from keras_recur.runs import _worker
from keras_recur.runs._work import Job, Work, take_jobs
from keras_recur.runs.entry import Entry
from keras_recur.runs.progress import Progress
from keras_recur.runs.provenance import devices
from keras_recur.runs.run_folder import RunFolder
from keras_recur.zoo.costs import trainable_parameters

# One thread per network is best up to this number of parameters. If each core has a
# network to train, it is at least as fast up to the second one (benchmarks/threads.py).
SMALL, MEDIUM = 1_000_000, 3_000_000
# Seconds after which a worker that was told to stop is killed.
PATIENCE = 10.0


def check_jobs(jobs: int | str) -> int | str:
    """Return `jobs` as an integer from 0, or "auto"."""
    if isinstance(jobs, str) and jobs == "auto":
        return jobs
    return check_integer(
        "jobs", jobs, 0, 'It is a number of processes, or "auto".', maximum=MAX_WORKERS
    )


def sources(entry: Entry) -> list[Any]:
    """Return the functions that define the family and the data set of an entry."""
    return [zoo.describe(entry.family).network, data_room.describe(entry.data).make]


def work_on(
    work: Work,
    run: RunFolder,
    asked: Sequence[Job],
    jobs: int | str,
    *,
    progress: Progress,
    done: Callable[[int, str, dict[str, Any]], None],
) -> None:
    """Train the networks in this process or in workers, until all have results."""
    count = _count(jobs, work, asked)
    if count:
        _run_jobs(work, run, asked, count, progress, done)
    else:
        take_jobs(work, run, asked, progress.epochs, done, progress.wait)


def _count(jobs: int | str, work: Work, asked: Sequence[Job]) -> int:
    """Return the number of worker processes, or 0 to train in this process."""
    if not isinstance(jobs, str):
        return jobs
    if _local(work) or any(not name.lower().startswith("cpu") for name in devices()):
        return 0
    limit = MEDIUM if len(asked) >= cores() else SMALL
    networks = {network: seed for seed, network in asked}
    built = (work.plan.network(*network) for network in networks.items())
    return cores() if all(trainable_parameters(m) <= limit for m in built) else 0


def _local(work):
    """Return the names of parts that only this process knows."""
    return [
        part.__qualname__ for part in work.sources() if part.__module__ == "__main__"
    ]


def _run_jobs(
    work: Work,
    run: RunFolder,
    jobs: Sequence[Job],
    count: int,
    progress: Progress,
    done: Callable[[int, str, dict[str, Any]], None],
) -> None:
    """Train networks in at most `count` processes with one thread each."""
    left = []
    for seed, network in jobs:
        result = work.finished(run, seed, network)
        if result is None:
            left.append((seed, network))
        else:
            run.remove_lock(seed, network)
            done(seed, network, result)
    if not left:
        return
    if local := _local(work):
        raise ValueError(
            f"`jobs` must be 0 because {local[0]} is defined in this script or "
            f"notebook, where other processes cannot find it. Received: jobs={count}. "
            "Move it to a module and import that."
        )
    pool = _Pool(work, run, left, min(count, len(left)))
    with tempfile.TemporaryDirectory(prefix="keras-recur-") as place:
        try:
            pool.start(place)
            for kind, values in pool.events():
                if kind == "epoch":
                    progress.epoch(*values)
                elif kind == "done":
                    seed, network = values
                    done(seed, network, work.finished(run, seed, network) or {})
                else:
                    progress.wait(*values)
        finally:
            pool.stop()


class _Pool:
    def __init__(self, work: Work, run: RunFolder, jobs: list[Job], count: int):
        self.work, self.run, self.left, self.count = work, run, list(jobs), count
        modules = {part.__module__ for part in work.sources()}
        modules = sorted(m for m in modules if not m.startswith("keras_recur."))
        folder = str(run.path.absolute())
        self.task = _worker.task(work, folder, self.left, modules)
        self.reports: queue.Queue[Any] = queue.Queue()
        self.processes: dict[int, Any] = {}
        self.training: dict[int, Job] = {}
        self.deaths = 0

    def start(self, place: str) -> None:
        self.place = place
        for number in range(self.count):
            self._launch(number)

    def _launch(self, number):
        environment = child_environment(
            **thread_limits(1), **SHARED_MEMORY, KERAS_BACKEND=keras.backend.backend()
        )
        with open(self._log(number), "ab") as log:
            process = subprocess.Popen(
                child_command("keras_recur.runs._worker", str(os.getpid())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=own_device(environment, number),
            )
        self.processes[number] = process
        threading.Thread(target=self._talk, args=(number, process), daemon=True).start()

    def _log(self, number):
        return os.path.join(self.place, f"{number}.log")

    def _talk(self, number, process):
        """Give a worker its task and collect its reports."""
        with contextlib.suppress(OSError), process.stdin:  # It may have died.
            process.stdin.write(self.task)
        with process.stdout:
            for line in process.stdout:
                # A worker that is killed may leave half a line.
                with contextlib.suppress(ValueError):
                    self.reports.put((number, *json.loads(line)))
        self.reports.put((number, "ended"))

    def events(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield reports until all networks have results; restart killed workers."""
        while self.processes:
            number, kind, *values = self.reports.get()
            if kind == "ended":
                self._ended(number)
            elif kind == "epoch":
                self.deaths = 0
                self.training[number] = values[0], values[1]
                yield kind, values
            elif kind == "done":
                self.deaths = 0
                self.training.pop(number, None)
                job = values[0], values[1]
                if job in self.left:  # Several workers may see one result.
                    self.left.remove(job)
                    yield kind, [*job]
            elif kind == "wait":
                own = self.training.values()
                awaited = [job for job in map(tuple, values[0]) if job not in own]
                if awaited:
                    yield kind, [awaited]
            else:
                self._raise(kind, *values)

    def _ended(self, number):
        self.training.pop(number, None)
        code = self.processes.pop(number).wait()
        if code == 0 or not self.left:
            return
        self.deaths += code != ENOUGH
        if self.deaths > 3 * self.count:
            self._give_up(number, code)
        self._launch(number)

    def _give_up(self, number, code):
        with open(self._log(number), encoding="utf-8", errors="replace") as file:
            last = "\n".join(file.read().splitlines()[-5:])
        how = f"signal {-code}" if code < 0 else f"status {code}"
        said = f"\n{last}" if last else ""
        raise RuntimeError(
            f"Workers ended {self.deaths} times in a row, the last with {how}. "
            "Completed networks and epochs are kept. Use fewer jobs if memory is "
            f"short.{said}"
        )

    def _raise(self, kind, name, text, trace):
        if kind == "unknown":
            error: Exception = ValueError(
                f"`jobs` must be 0 because a worker process cannot repeat this run: "
                f"{text} Define families and data sets in a module that can be "
                "imported."
            )
        elif name == "MemoryError":
            error = MemoryError(text)
        else:
            error = _worker.KINDS.get(name, RuntimeError)(text)
        error.add_note(trace)
        raise error

    def stop(self) -> None:
        """End all workers. They keep their completed epochs."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
