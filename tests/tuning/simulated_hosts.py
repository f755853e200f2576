"""Simulated hosts on which the job files of `tuning/jobs` run.

Every host is a folder, and the working directory of its processes. Its programs
`keras-recur` and `ssh` replace those of the system: `ssh HOST ...` runs a shell in the
folder of a host, and `keras-recur search` runs with the smallest networks, on a machine
of its own: it knows no process of another host, and its clock may be wrong.

Processes are forked from one that has imported everything, because imports take longer
than the searches.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

JOBS = Path(__file__).parents[2] / "tuning" / "jobs"
# Values of the job files' options, and what replaces them.
TINY = {
    "--widths": ("32,64,128,256", "4,8"),
    "--iterations": ("2,4,8,16", "1,2"),
    "--sharing": ("all,none,bank of 2", "all,none"),
    "--seeds": ("3", "1"),
}
ADDED = ["--quick", "--examples", "64", "--epochs", "2", "--fresh-seeds", "1"]
ROWS = 8
KILLED = 128 + signal.SIGKILL
SSH = """#!/bin/sh
# Like ssh, it joins its arguments, and a shell of the host splits them.
host=$1
shift
cd "{hosts}/$host" && exec sh -c "$*"
"""
COMMAND = """#!{python} -S
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect("{address}")
asked = json.dumps([os.getcwd(), dict(os.environ), sys.argv[1:]])
socket.send_fds(server, [asked.encode()], [1, 2])
sys.exit(int(server.recv(16) or {killed}))
"""


class ForkServer:
    """Process that has imported everything and forks one for every command."""

    def __init__(self, place: Path):
        self.address = place / "socket"

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(self.address)], start_new_session=True
        )
        _await(self.address.exists, [self.process])
        return self

    def __exit__(self, *error):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class SimulatedHosts:
    """Hosts that share a folder. Use it as a context, which ends all jobs.

    Args:
        place: Empty folder for all files.
        server: A `ForkServer` within its context.
        shared: Folder of the search. Defaults to one in `place`.
    """

    def __init__(self, place: Path, server: ForkServer, shared: Path | None = None):
        self.place, self.hosts = place, place / "hosts"
        self.shared = shared or place / "search"
        self._seen: dict[Path, bytes] = {}
        self._jobs: list[Any] = []
        self._kills = 0
        programs = {
            "ssh": SSH.format(hosts=self.hosts),
            "keras-recur": COMMAND.format(
                python=sys.executable, address=server.address, killed=KILLED
            ),
        }
        for folder in (place / "bin", self.hosts):
            folder.mkdir(parents=True)
        for name, text in programs.items():
            (place / "bin" / name).write_text(text)
            (place / "bin" / name).chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for job in self._jobs:
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
                job.wait()
        print(self.logs())

    def submit(self, job, host=None, clock=0, **environment):
        """Run a job file on a host, or from outside of all."""
        folder = self.place if host is None else self.host(host, clock)
        environment = {
            **os.environ,
            "PATH": f"{self.place / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "OUT": str(self.shared),
            **environment,
        }
        shell = (JOBS / job).read_text().splitlines()[0].removeprefix("#!")
        with (folder / "log").open("ab") as log:
            job = subprocess.Popen(
                [shell, str(JOBS / job)],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._jobs.append(job)
        return job

    def host(self, name, clock=0):
        """Return the folder of a host, whose clock is some seconds wrong."""
        folder = self.hosts / name
        folder.mkdir(exist_ok=True)
        (folder / "clock").write_text(str(clock))
        return folder

    def kill(self, *names):
        """Kill the searches of hosts; `None` is the one outside of all."""
        for name in names:
            self._kill(name)

    def _kill(self, name):
        folder = self.place if name is None else self.hosts / name
        pid = folder / "pid"
        _await(pid.exists, self._jobs)
        try:
            os.kill(int(pid.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            raise AssertionError(f"{name} has ended: {self.logs()}") from None
        pid.unlink()
        self._kills += 1

    def await_beginning(self, jobs):
        _await((self.shared / "search.json").exists, jobs)

    def await_rows(self, count, jobs):
        _await(lambda: len(self.rows()) >= count, jobs)

    def rows(self):
        return {p: p.read_bytes() for p in self.shared.glob("rows/*.json")}

    def check(self):
        """Check that no finished row was lost or written again."""
        now = self.rows()
        for path, content in self._seen.items():
            assert now.get(path) == content, f"{path.name} was lost or written again"
        self._seen = now

    def check_ended(self):
        """Check that the search is complete, and that nothing of it is left."""
        self.check()
        assert len(self.rows()) == ROWS
        found = [json.loads(text) for text in self.rows().values()]
        names = {(row["configuration"], row["seed"]) for row in found}
        assert len(names) == ROWS
        assert {row["status"] for row in found} == {"finished"}
        assert len(list(self.shared.glob("winner/*.json"))) == 1
        left = {path.name for path in self.shared.iterdir()}
        assert "report.html" in left
        assert not left & {".turn.lock", ".study.journal.lock"}
        # Nobody may have missed a host that did nothing.
        assert len(list(self.shared.glob("alive/*"))) <= self._kills
        assert not list(self.shared.rglob("*.partial"))

    def logs(self):
        logs = [self.place / "log", *self.hosts.glob("*/log")]
        return "\n".join(path.read_text() for path in logs if path.exists())


def _await(condition, jobs):
    limit = time.monotonic() + 120
    while not condition():
        assert any(job.poll() is None for job in jobs), "all jobs have ended"
        assert time.monotonic() < limit, "nothing has happened for two minutes"
        time.sleep(0.01)


def tiny(arguments):
    """Return the arguments of a job file with the smallest networks."""
    assert arguments[:4] == ["search", "deep_thinking_2d", "--data", "mazes"]
    found = [*arguments]
    found[1], found[3] = "mlp", "digits"
    for option, (usual, value) in TINY.items():
        at = found.index(option) + 1
        assert found[at] == usual, f"{option} must be {usual!r}, not {found[at]!r}"
        found[at] = value
    if "STORAGE" in os.environ:
        found += ["--storage", os.environ["STORAGE"]]
    return found + ADDED


def _serve(address):
    """Fork a process for every command."""
    import matplotlib.pyplot  # noqa: F401
    import sklearn.datasets  # noqa: F401

    import keras_recur.cli.main  # noqa: F401
    from keras_recur import tuning  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # It awaits none of them.
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{address}.partial")
    server.listen()
    os.rename(f"{address}.partial", address)
    while True:
        client, _ = server.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            code = 70
            try:
                code = _run(client)
            finally:
                client.send(str(code).encode())
                os._exit(code)
        client.close()


def _run(client):
    """Run a command as a host does, and return its exit status."""
    import uuid

    from keras_recur.cli.main import main
    from keras_recur.tuning import _heartbeat

    asked, files, *_ = socket.recv_fds(client, 2**20, 2)
    folder, environment, arguments = json.loads(asked)
    for output, file in enumerate(files, start=1):
        os.dup2(file, output)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if Path("clock").exists():
        place, usual, shift = (
            uuid.uuid4().hex,
            time.time,
            int(Path("clock").read_text()),
        )
        vars(_heartbeat).update(BEAT=0.5, PATIENCE=4.0, _place=lambda: place)
        time.time = lambda: usual() + shift
        os.environ["TZ"] = f"HOST{-shift // 3600:+d}"  # The clock of datetime.now().
        time.tzset()
    Path("pid.partial").write_text(str(os.getpid()))
    os.replace("pid.partial", "pid")
    sys.argv = ["keras-recur", *tiny(arguments)]
    code = 0
    try:
        main()
    except SystemExit as done:
        code = done.code or 0
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


if __name__ == "__main__":
    _serve(sys.argv[1])
