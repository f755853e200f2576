"""Run one measurement in its own process and turn its output into rows."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

from environment import ROOT
from rows import Row, make_row
from setting import Job
from worker import AT, ROW


def variables(backend: str, device: str) -> dict[str, str]:
    """Return a measuring process's environment variables. "cpu" hides every GPU."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    extra = {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    if device == "cpu":
        extra |= {
            "CUDA_VISIBLE_DEVICES": "-1",
            "JAX_PLATFORMS": "cpu",
            "KERAS_TORCH_DEVICE": "cpu",
        }
    elif backend != "tensorflow":  # Keras may import it, and it takes all memory.
        extra["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    return {**os.environ, **extra}


def find_environment(backend: str, device: str) -> dict[str, str]:
    """Return what the backend runs on here.

    Raises:
        RuntimeError: If it cannot be imported, or if it has no GPU and one is required.
    """
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "environment.py")],
        env=variables(backend, device),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{backend} does not start: {_last_line(done.stderr)}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if device == "gpu" and found["device"] != "gpu":
        raise RuntimeError(f"{backend} sees no GPU, only {found['hardware']}.")
    return found


def run_job(
    job: Job,
    device: str,
    environment: dict[str, str],
    limit: float,
    show: Callable[[str], None],
) -> list[Row]:
    """Return the rows of a job. A failure or timeout gives a row with a note."""
    script, *arguments = job.command.split(" ")
    columns = {"part": job.part, "backend": job.backend, "command": job.command}
    columns |= job.setting.columns() | environment
    rows, late = [], threading.Event()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "benchmarks" / script), *arguments],
            env=variables(job.backend, device),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

        def stop():
            late.set()
            process.kill()

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            for line in process.stdout or ():
                if line.startswith(AT):
                    show(line.removeprefix(AT).strip())
                elif line.startswith(ROW):
                    measured = json.loads(line.removeprefix(ROW))
                    rows.append(make_row(**columns | measured))
            code = process.wait()
        finally:
            timer.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
        errors.seek(0)
        reason = f"took longer than {limit:g} s" if late.is_set() else ""
        if code and not reason:
            reason = f"failed: {_last_line(errors.read())}"
    if code:
        missing = rows[-1].what if rows else job.part
        after = f", after {missing!r}" if rows else ""
        columns |= {"what": f"{job.part} (unfinished)", "note": reason + after}
        rows.append(make_row(**columns))
    return rows


def _last_line(text: str) -> str:
    """Return the last line of a traceback that names an error, or the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.partition(":")[0].endswith("Error")]
    return (errors or lines or ["nothing was printed"])[-1][:200]
