"""Equal processes of one search, on this machine.

They end with the process that started them. A process that dies is replaced; its trial
goes on from its checkpoint.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_recur._child import (
    ENOUGH,
    NETWORKS_PER_PROCESS,
    SHARED_MEMORY,
    child_command,
    child_environment,
    cores,
    own_device,
    thread_limits,
)
from keras_recur._limits import MAX_WORKERS, check_size
from keras_recur.tuning.search_folder import SearchFolder

RESTARTS = 10


def run_workers(
    folder: SearchFolder,
    workers: int,
    poll: Callable[[int], None] = lambda running: None,
    runs: int = NETWORKS_PER_PROCESS,
    data_dir: str | None = None,
    storage: str | None = None,
) -> None:
    """Run `workers` processes until they find no more work."""
    workers = check_size("workers", workers, MAX_WORKERS)
    task = {
        "folder": str(folder.path.absolute()),
        "runs": runs,
        "data_dir": None if data_dir is None else str(Path(data_dir).absolute()),
        "storage": storage,
    }
    (folder.path / "logs").mkdir(exist_ok=True)
    pool = _Pool(folder.path, workers, json.dumps(task).encode())
    try:
        for number in range(workers):
            pool.launch(number)
        while pool.busy():
            poll(pool.working())
            time.sleep(0.5)
    finally:
        pool.stop()


class _Pool:
    def __init__(self, folder: Path, workers: int, task: bytes):
        self.folder, self.workers, self.task = folder, workers, task
        self.processes: dict[int, Any] = {}
        self.restarts = 0

    def launch(self, number):
        environment = {
            **thread_limits(_share(self.workers)),
            **child_environment(**SHARED_MEMORY),
            # Workers share compiled networks.
            "JAX_COMPILATION_CACHE_DIR": str(self.folder.absolute() / "compiled"),
        }
        with self._log(number).open("ab") as log:
            process: Any = subprocess.Popen(
                child_command("keras_recur.tuning._worker", str(os.getpid())),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=own_device(environment, number),
            )
        self.processes[number] = process
        try:  # The URL of a database may contain a password: no argument shows it.
            with process.stdin:
                process.stdin.write(self.task)
        except OSError:
            pass  # The process has died.

    def _log(self, number):
        return self.folder / "logs" / f"worker-{number}.log"

    def working(self) -> int:
        """Return the number of processes that have not ended."""
        return sum(p.poll() is None for p in self.processes.values())

    def busy(self) -> bool:
        """Return whether a process is at work; restart processes that died."""
        for number, process in list(self.processes.items()):
            code = process.poll()
            if code is None:
                continue
            del self.processes[number]
            if code != 0:
                if code != ENOUGH:
                    self._count_restart(number, code)
                self.launch(number)
        return bool(self.processes)

    def _count_restart(self, number, code):
        self.restarts += 1
        if self.restarts > RESTARTS:
            log = self._log(number)
            last = "\n".join(log.read_text("utf-8", "replace").splitlines()[-5:])
            how = f"signal {-code}" if code < 0 else f"status {code}"
            raise RuntimeError(
                f"Processes of this search died {self.restarts} times, the last with "
                f"{how}. Completed runs are kept. The last lines of {log}:\n{last}"
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


def _share(workers: int) -> int:
    """Return the number of threads of each worker."""
    return max(1, cores() // workers)
