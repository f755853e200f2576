"""Signs of life of the processes that share a search."""

import contextlib
import json
import os
import threading
import uuid
from pathlib import Path

BEAT = 5.0
PATIENCE = 60.0


class Heartbeat:
    """File that a process changes every `BEAT` seconds while it works on a search.

    Another process counts as dead if its file is gone. On this machine, it also counts
    as dead if it has ended; on another machine, if its file has not changed during
    `PATIENCE` seconds of this process's own beats. Clocks are never compared.

    Args:
        folder: Folder with the files of all processes.

    Attributes:
        name: Name of this process in the search.
    """

    def __init__(self, folder: Path):
        self.name = uuid.uuid4().hex
        self._folder = folder
        self._count = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        # Content of others' files, and how many beats ago it was first seen.
        self._seen: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "Heartbeat":
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._beat()
        except OSError:
            self._leave()
            raise
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join(BEAT)
        self._leave()

    def _leave(self):
        self._forget(self.name)
        with contextlib.suppress(OSError):
            self.others()  # Removes files of dead processes.
            self._folder.rmdir()  # Fails unless it is empty.

    def alive(self, name: str) -> bool:
        """Return whether a process works on the search, as far as is known."""
        if name == self.name:
            return True
        text = self._read(name)
        if text is None:
            return False
        with self._lock:
            before, beats = self._seen.get(name, ("", 0))
            if before != text:
                beats = 0
                self._seen[name] = text, beats
        works = _works_here(text)
        if works or works is None and beats * BEAT < PATIENCE:
            return True
        self._forget(name)
        return False

    def others(self) -> list[str]:
        """Return the names of the other processes that are alive."""
        names = [path.name for path in self._folder.iterdir()]
        return [name for name in names if name != self.name and self.alive(name)]

    def _run(self):
        while not self._ended.wait(BEAT):
            # A full disk or an unreachable server is no reason to end.
            with contextlib.suppress(OSError):
                self._beat()
            with self._lock:
                names = list(self._seen)
            for name in names:
                text = self._read(name)
                with self._lock:
                    before, beats = self._seen[name]
                    if text is None:
                        del self._seen[name]
                    else:
                        beats = beats + 1 if text == before else 0
                        self._seen[name] = text, beats

    def _beat(self):
        self._count += 1
        content = {"beat": f"{self._count:012}", "place": _place(), "pid": os.getpid()}
        content["started"] = _started(os.getpid())
        # The new text has the length of the old one, so a full disk can take it.
        file = os.open(self._folder / self.name, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.write(file, json.dumps(content).encode())
        finally:
            os.close(file)

    def _read(self, name):
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError:  # It is not known to be gone.
            return ""

    def _forget(self, name):
        with contextlib.suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)


def _works_here(text: str) -> bool | None:
    """Return whether a process of this machine works, `None` for other machines."""
    try:
        content = json.loads(text)
        place, pid, started = (content[k] for k in ("place", "pid", "started"))
    except (ValueError, KeyError, TypeError):
        return None  # The file is being written.
    if place is None or place != _place():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # It belongs to another user.
    # The number may be that of a later process, or of one that was not waited for.
    found = _started(pid)
    return None if found is None else found == started


def _place() -> str | None:
    """Return what names this machine and its processes, or `None` if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")
        # Containers of one machine have their own numbers of processes.
        return f"{boot.strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """Return when a process was started, "ended" for a zombie, `None` if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return "ended" if state in "ZX" else fields[18]
