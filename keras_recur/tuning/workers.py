"""KerasTuner's chief and its workers, as processes of one machine.

The chief's unprotected port accepts only connections from this machine. All processes
end with their search. A worker that dies is restarted and resumes its trial. When the
chief dies, all processes are restarted.
"""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_recur._child import (
    SHARED_MEMORY,
    child_command,
    child_environment,
    cores,
    end_with,
    own_device,
    thread_limits,
)
from keras_recur._limits import MAX_WORKERS, check_size
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_tuner import SearchTuner
from keras_recur.tuning.settings import SearchSettings

# Exit status of a worker that is replaced after its share of runs: memory grows.
ENOUGH = 75
# Exit status of a worker whose chief has died.
LOST = 74
RUNS_PER_PROCESS = 20
RESTARTS = 10
WAIT = 60.0


def run_workers(
    folder: SearchFolder,
    workers: int,
    poll: Callable[[int], None] = lambda running: None,
    runs: int = RUNS_PER_PROCESS,
    data_dir: str | None = None,
) -> None:
    """Run a search with one chief and `workers` worker processes."""
    workers = check_size("workers", workers, MAX_WORKERS)
    names = [f"worker-{i}" for i in range(workers)]
    (folder.path / "logs").mkdir(exist_ok=True)
    pool = _WorkerPool(folder.path, names, runs, data_dir)
    try:
        pool.start()
        while pool.busy():
            poll(len(pool.working()))
            time.sleep(0.5)
    finally:
        pool.stop()


class _WorkerPool:
    def __init__(
        self, folder: Path, names: list[str], runs: int, data_dir: str | None = None
    ):
        self.folder, self.names, self.runs = folder, names, runs
        self.data_dir = data_dir
        self.processes: dict[str, Any] = {}
        self.done: set[str] = set()
        self.restarts = 0

    def start(self):
        self.port = _free_port()
        self.done = set()
        for name in ("chief", *self.names):
            self._launch(name)

    def _launch(self, name):
        environment = {
            **_threads(len(self.names)),
            **child_environment(**SHARED_MEMORY),
            # Workers share compiled networks.
            "JAX_COMPILATION_CACHE_DIR": str(self.folder.absolute() / "compiled"),
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(self.port),
            "KERAS_RECUR_RUNS": str(self.runs),
        }
        # The settings do not contain the folder of the data.
        if self.data_dir is not None:
            environment["KERAS_RECUR_DATA_DIR"] = str(Path(self.data_dir).absolute())
        if name != "chief":
            environment = own_device(environment, self.names.index(name))
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                child_command(
                    "keras_recur.tuning.workers",
                    str(self.folder.absolute()),
                    str(os.getpid()),
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def working(self):
        return [n for n in self.names if self.processes[n].poll() is None]

    def busy(self) -> bool:
        """Return whether work remains; restart processes that died."""
        chief = self.processes["chief"].poll()
        for name in self.names:
            code = self.processes[name].poll()
            if code is None or name in self.done:
                continue
            if code == 0:
                self.done.add(name)
            elif code == ENOUGH:
                self._launch(name)
            elif chief is None:
                self._count_restart(name)
                self._launch(name)
        if len(self.done) == len(self.names):
            return False
        if chief is not None:
            self._count_restart("chief")
            self.stop()
            self.start()
        return True

    def _count_restart(self, name):
        self.restarts += 1
        if self.restarts > RESTARTS:
            log = self.folder / "logs" / f"{name}.log"
            last = "\n".join(log.read_text("utf-8", "replace").splitlines()[-5:])
            raise RuntimeError(
                f"Processes of this search died {self.restarts} times. Completed runs "
                f"are kept. The last lines of {log}:\n{last}"
            )

    def stop(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def take_part(directory: str | Path, data_dir: str | None = None) -> int:
    """Run the chief or a worker, by the environment, and return the exit status."""
    import grpc

    name = os.environ["KERASTUNER_TUNER_ID"]
    if "chief" not in name:
        _await_chief()  # The chief creates the folder.
    folder = SearchFolder(directory)
    data_dir = data_dir or os.environ.get("KERAS_RECUR_DATA_DIR")
    settings = folder.content().get("settings") or {}
    plan = SearchPlan(SearchSettings.from_dict(settings, data_dir))
    runs = os.environ.get("KERAS_RECUR_RUNS")
    tuner = SearchTuner(plan, folder, name=name, runs=int(runs) if runs else None)
    try:
        tuner.search(verbose=0)
    except SearchTuner.Enough:
        return ENOUGH
    except (SearchTuner.ChiefLost, grpc.RpcError) as error:
        print(f"The chief was lost: {error}", file=sys.stderr, flush=True)
        return LOST
    return 0


def work_for_chief(directory: str | Path, data_dir: str | None = None) -> None:
    """Run a worker on its own machine until the search is done."""
    lost = 0
    while status := take_part(directory, data_dir):
        lost += status == LOST
        if lost > RESTARTS:
            raise ConnectionError(
                f"The chief was lost {lost} times. Completed runs are kept: see the "
                "chief's output, then start it and the workers again."
            )


def _await_chief(seconds: float = WAIT) -> None:
    place = (
        os.environ["KERASTUNER_ORACLE_IP"],
        int(os.environ["KERASTUNER_ORACLE_PORT"]),
    )
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(place, timeout=2).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise ConnectionError(
                    f"The chief at {place[0]}:{place[1]} could not be reached for "
                    f"{seconds:.0f} seconds ({error}). Start it first, with "
                    "KERASTUNER_TUNER_ID=chief and the same KERASTUNER_ORACLE_IP and "
                    "KERASTUNER_ORACLE_PORT."
                ) from error
            time.sleep(0.2)


def _threads(workers: int) -> dict[str, str]:
    """Give each worker its share of the cores, which JAX on a CPU ignores."""
    return thread_limits(max(1, cores() // workers))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    gc.freeze()  # Skip imported modules in garbage collection.
    sys.exit(take_part(sys.argv[1]))
