"""Kill the processes of a search at random moments, and check its rows.

    python tests/tuning/kill_search.py --kills 20 [--seed 0]
    python tests/tuning/kill_search.py --kills 5 --workers 2 [--victim worker]
    python tests/tuning/kill_search.py --kills 5 --hosts 3

The program kills one process (SIGKILL) within two seconds of its first file: the
search, or one of its workers. The same command then resumes the search. With
`--processes N`, N equal processes share a search. Some are killed and never started
again; others start late; if all are killed, two resume. `--hosts N` does the same on
simulated hosts, which notice deaths by missing heartbeats only, and whose clocks are
wrong. At the end no row may be missing, doubled or changed.
"""

import argparse
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from simulated_hosts import KILLED, ForkServer, SimulatedHosts

PROGRAM = Path(__file__).with_name("tiny_search.py")
ROWS = 8


def kill_search(
    kills: int,
    workers: int = 0,
    seed: int = 0,
    victim: str = "",
    processes: int = 0,
    hosts: int = 0,
) -> list[str]:
    """Kill `kills` processes in as many searches as needed; return their names."""
    rng = random.Random(seed)
    killed: list[str] = []
    with contextlib.ExitStack() as stack:
        server = None
        if hosts:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(ForkServer(place))
        while len(killed) < kills:
            if server is not None:
                _search_on_hosts(killed, kills, hosts, rng, server)
            elif processes:
                _shared_search(killed, kills, processes, rng)
            else:
                _one_search(killed, kills, workers, rng, victim)
    return killed


def _search_on_hosts(killed, kills, count, rng, server):
    """Kill hosts of one search, and do not replace them."""
    with (
        tempfile.TemporaryDirectory() as place,
        SimulatedHosts(Path(place) / "all", server) as hosts,
    ):
        alive: dict[str, Any] = {}
        names = map(str, itertools.count())

        def start():
            name, clock = next(names), rng.choice((-3600, 0, 3600))
            alive[name] = hosts.submit("slurm_array.sbatch", name, clock)

        for _ in range(count):
            start()
        for rows in sorted(rng.choices(range(ROWS), k=rng.randint(1, count))):
            hosts.await_rows(rows, alive.values())
            time.sleep(rng.uniform(0, 0.5))
            working = [name for name, job in alive.items() if job.poll() is None]
            if working and len(killed) < kills:
                name = rng.choice(working)
                hosts.kill(name)
                assert alive.pop(name).wait() == KILLED
                killed.append("host")
                hosts.check()
            if not alive or rng.random() < 0.3:
                start()  # It comes late.
        assert [job.wait(300) for job in alive.values()] == [0] * len(alive)
        hosts.check_ended()


def _shared_search(killed, kills, processes, rng):
    """Kill equal processes of one search, and do not replace them."""
    folder = Path(tempfile.mkdtemp())
    before = len(killed)
    seen: dict[Path, bytes] = {}
    with contextlib.ExitStack() as stack:

        def start():
            process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(folder)], stdout=subprocess.DEVNULL
            )
            stack.callback(process.kill)
            return process

        alive = [start() for _ in range(processes)]
        # All of them may die, before the last rows are written.
        for rows in sorted(rng.choices(range(ROWS), k=rng.randint(1, processes))):
            _await_rows(folder, rows, alive)
            time.sleep(rng.uniform(0, 0.5))
            if len(killed) < kills and alive:
                one = alive.pop(rng.randrange(len(alive)))
                if one.poll() is None:
                    one.kill()
                    killed.append("process")
                one.wait()
                _check(folder, seen)
            if rng.random() < 0.3:
                alive.append(start())  # It comes late.
        if not alive:
            alive = [start(), start()]
        assert [process.wait(300) for process in alive] == [0] * len(alive)
    _check(folder, seen)
    _count(folder, len(killed) - before)


def _await_rows(folder, rows, alive):
    limit = time.monotonic() + 300
    while len(list((folder / "rows").glob("*.json"))) < rows:
        if all(process.poll() is not None for process in alive):
            return
        assert time.monotonic() < limit, "the search does not go on"
        time.sleep(0.02)


def _one_search(killed, kills, workers, rng, victim):
    folder = Path(tempfile.mkdtemp())
    earlier = len(killed)
    seen: dict[Path, bytes] = {}
    while not (folder / "ended").exists():
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder), str(workers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        before = _signs(folder)
        limit = time.monotonic() + 120
        while _signs(folder) == before and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.02)
        if len(killed) < kills:
            time.sleep(rng.uniform(0, 2.0))
            if process.poll() is None:
                killed += _kill_one(process, rng, workers, victim)
        _, error = process.communicate(timeout=600)
        _await_end_of_session(process)
        if process.returncode not in (0, -signal.SIGKILL):
            raise RuntimeError(error.decode()[-2000:])
        _check(folder, seen)
    _count(folder, len(killed) - earlier)


def _count(folder, kills):
    rows = list((folder / "rows").glob("*.json"))
    assert len(rows) == ROWS, f"{len(rows)} rows instead of {ROWS}"
    left = {path.name for path in folder.iterdir()} & {"alive", ".turn.lock"}
    assert not left, f"{left} is left of processes that have ended"
    pids = (folder / "reported").read_text().split()
    assert len(pids) <= 1 + kills, f"{len(pids)} processes have concluded the search"


def _signs(folder):
    # `rglob` would fail if folders vanish meanwhile.
    return sum(len(folders) + len(files) for _, folders, files in os.walk(folder))


def _kill_one(process, rng, workers, victim):
    """Kill the search or one of its processes, and return the names of the killed."""
    family = {process.pid: "search"}
    for entry in Path("/proc").iterdir() if workers else ():
        if entry.name.isdigit() and int(entry.name) != process.pid:
            try:
                command = (entry / "cmdline").read_bytes()
                session = os.getsid(int(entry.name))
            except OSError:
                continue
            if session == process.pid and b"tuning._worker" in command:
                family[int(entry.name)] = "worker"
    named = [pid for pid, name in sorted(family.items()) if victim in ("", name)]
    for pid in rng.sample(named, k=min(1, len(named))):
        os.kill(pid, signal.SIGKILL)
        return [family[pid]]
    return []


def _await_end_of_session(process):
    """Check that no process outlives a killed search."""
    limit = time.monotonic() + 120
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < limit, "workers have outlived their search"
        time.sleep(0.1)


def _check(folder, seen):
    """Check that earlier rows are unchanged, byte for byte."""
    now = {path: path.read_bytes() for path in (folder / "rows").glob("*.json")}
    for path, content in seen.items():
        assert now.get(path) == content, f"{path.name} was lost or written again"
    seen.update(now)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, usual in (("kills", 20), ("workers", 0), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--victim", default="", help="search or worker")
    parser.add_argument("--processes", type=int, default=0, help="equal processes")
    parser.add_argument("--hosts", type=int, default=0, help="simulated hosts")
    print(kill_search(**vars(parser.parse_args())))
