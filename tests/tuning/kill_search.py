"""Kill a search at random moments, resume it, and check its rows.

    python tests/tuning/kill_search.py --kills 20 --workers 0 [--seed 0]
    python tests/tuning/kill_search.py --kills 5 --workers 2 --victim chief
    python tests/tuning/kill_search.py --kills 5 --workers 3 --apart

The program kills one process (SIGKILL) within two seconds of its first file: the
search, one of its workers, or the named victim. The same command then resumes the
search. With `--apart`, chief and workers are started separately, as on many machines,
and only the chief is killed and restarted. At the end no row may be missing, doubled or
changed.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).with_name("tiny_search.py")
ROWS = 8


def kill_search(
    kills: int,
    workers: int = 0,
    seed: int = 0,
    victim: str = "",
    apart: bool = False,
) -> list[str]:
    """Kill `kills` processes in as many searches as needed; return their names."""
    rng = random.Random(seed)
    killed: list[str] = []
    while len(killed) < kills:
        if apart:
            _one_chief(killed, kills, workers, rng)
        else:
            _one_search(killed, kills, workers, rng, victim)
    return killed


def _one_chief(killed, kills, workers, rng):
    """Kill the chief of workers that were started separately."""
    folder = Path(tempfile.mkdtemp())
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]

    def start(name):
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)],
            env={
                **os.environ,
                "KERASTUNER_TUNER_ID": name,
                "KERASTUNER_ORACLE_IP": "127.0.0.1",
                "KERASTUNER_ORACLE_PORT": str(port),
            },
            stdout=subprocess.DEVNULL,
        )

    seen: dict[Path, bytes] = {}
    chief = start("chief")
    others = [start(f"worker-{i}") for i in range(workers)]
    try:
        # Kill before all rows are written.
        for rows in sorted(rng.sample(range(1, ROWS - 4), k=2)):
            limit = time.monotonic() + 300
            while len(list((folder / "rows").glob("*.json"))) < rows:
                assert time.monotonic() < limit and chief.poll() is None
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.3))
            if len(killed) < kills and chief.poll() is None:
                chief.kill()
                chief.wait()
                killed.append("chief")
                _check(folder, seen)
                chief = start("chief")
        assert [process.wait(300) for process in (chief, *others)] == [0] * (
            workers + 1
        )
    finally:
        for process in (chief, *others):
            process.kill()
    _check(folder, seen)
    _count(folder)


def _one_search(killed, kills, workers, rng, victim):
    folder = Path(tempfile.mkdtemp())
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
    _count(folder)


def _count(folder):
    rows = list((folder / "rows").glob("*.json"))
    assert len(rows) == ROWS, f"{len(rows)} rows instead of {ROWS}"


def _signs(folder):
    found = 0
    # `rglob` would fail if folders vanish meanwhile.
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "keras_tuner"]
        found += len(folders) + len(files)
    return found


def _kill_one(process, rng, workers, victim):
    """Kill the search or one of its processes, and return the names of the killed."""
    family = {process.pid: "search"}
    for entry in Path("/proc").iterdir() if workers else ():
        if entry.name.isdigit() and int(entry.name) != process.pid:
            try:
                command = (entry / "cmdline").read_bytes()
                environment = (entry / "environ").read_bytes()
                session = os.getsid(int(entry.name))
            except OSError:
                continue
            if session == process.pid and b"tuning.workers" in command:
                name = environment.partition(b"KERASTUNER_TUNER_ID=")[2]
                family[int(entry.name)] = name.partition(b"\0")[0].decode()
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
        assert time.monotonic() < limit, "chief or workers have outlived their search"
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
    parser.add_argument("--victim", default="", help="search, chief or worker-0")
    parser.add_argument("--apart", action="store_true", help="chief and workers")
    print(kill_search(**vars(parser.parse_args())))
