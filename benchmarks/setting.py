"""The settings of one measurement, and the command line that repeats it."""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass

PARTS = {
    "step": "step.py",
    "compile": "compile_time.py",
    "memory": "memory.py",
    "import": "import_time.py",
    "input": "input_pipeline.py",
    "mixing": "mixing.py",
    "soft_step": "soft_step.py",
    "baked": "baked.py",
    "graph": "graph.py",
    "anytime": "anytime.py",
    "exported": "exported.py",
    "search_overhead": "search_overhead.py",
    "search_workers": "search_workers.py",
    "search_memory": "search_memory.py",
    "search_storage": "search_storage.py",
    "truncated": "truncated.py",
    "replay": "replay.py",
    "plain_torch": "plain_torch.py",
    "short_epochs": "short_epochs.py",
    "boundaries": "boundaries.py",
    "threads": "threads.py",
    "progressive": "progressive.py",
    "twins": "twins.py",
    "gemm": "gemm.py",
    "training": "training.py",
}

# TensorFlow compiles with XLA by default on a GPU but not on a CPU: measure both.
JITS = {"tensorflow": (False, True), "jax": (True,), "torch": (False,)}
# On a CPU, XLA recomputes what it could store (chains of additions and ReLUs), and
# stores what remat should recompute. "unfused" is XLA without the passes that do so.
UNFUSED = "--xla_disable_hlo_passes=fusion,cse_barrier_expander"


@dataclass(frozen=True)
class Asked:
    """Options of run.py that decide on sizes.

    Attributes:
        quick: Tiny sizes.
        repeats: Pairs of runs or steps per median. `None` uses the default.
        device: "cpu" or "gpu", whose sizes are used.
        batch: Batch size of SWRN. `None` uses the device's default.
        width: Width of SWRN. `None` uses the default.
    """

    quick: bool = False
    repeats: int | None = None
    device: str = "cpu"
    batch: int | None = None
    width: int | None = None


@dataclass(frozen=True)
class Setting:
    """Arguments of a measurement. The names are columns of the CSV too.

    Attributes:
        network: Family of the zoo, or the data set that is read.
        width: Width of the network.
        size: Side of the square image, length of the string, number of images that are
            read, or number of trials in a storage of searches.
        batch: Examples per step.
        iterations: Iterations of the loop; for SWRN, of each stage.
        jit: For `compile(jit_compile=...)`; "unfused" means `True` with `UNFUSED`.
        variant: Which variant runs: "unrolled" or "rolled", "plain" or "remat"; for
            state graphs, what they are compared with; for searches, how many workers
            or which oracle.
        repeats: Pairs of runs or steps per median.
        templates: Number of templates of its bank.
    """

    network: str = ""
    width: int | None = None
    size: int | None = None
    batch: int | None = None
    iterations: int | None = None
    jit: bool | str | None = None
    variant: str = ""
    repeats: int = 1
    templates: int | None = None

    def columns(self) -> dict:
        return dataclasses.asdict(self)

    def arguments(self) -> list[str]:
        given = {k: v for k, v in self.columns().items() if v not in (None, "")}
        return [text for k, v in given.items() for text in (f"--{k}", str(v).lower())]


@dataclass(frozen=True)
class Job:
    """One measurement, which runs in its own process."""

    part: str
    backend: str
    setting: Setting

    @property
    def command(self) -> str:
        return " ".join([PARTS[self.part], *self.setting.arguments()])

    def __str__(self) -> str:
        s = self.setting
        jit = "" if s.jit is None else f"jit={str(s.jit).lower()}"
        times = "" if s.iterations is None else f"{s.iterations} iterations"
        mixed = "" if s.templates is None else f"{s.templates} templates"
        shown = [self.backend, self.part, s.network, s.variant, times, mixed, jit]
        return " ".join(text for text in shown if text)


def network_jobs(
    part: str,
    backend: str,
    asked: Asked,
    on_cpu: Sequence[Setting],
    on_gpu: Sequence[Setting],
    tiny: Sequence[Setting],
) -> list[Job]:
    """Return a job for each network and each way to compile it."""
    networks = tiny if asked.quick else on_gpu if asked.device == "gpu" else on_cpu
    repeats = asked.repeats or (3 if asked.quick else 30)
    return [
        Job(part, backend, dataclasses.replace(network, jit=jit, repeats=repeats))
        for jit in jits(backend, asked.device)
        for network in networks
    ]


def parse_setting(description: str | None) -> Setting:
    """Read the setting from the command line, before a backend is imported."""
    summary = (description or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    for field in dataclasses.fields(Setting):
        kind = str if field.type is str else int
        if field.name == "jit":
            kind = {"true": True, "false": False, "unfused": "unfused"}.__getitem__
        parser.add_argument(f"--{field.name}", type=kind, default=field.default)
    setting = Setting(**vars(parser.parse_args()))
    if setting.jit == "unfused":
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {UNFUSED}"
    return setting


def jits(backend: str, device: str) -> tuple[bool, ...]:
    """Return the ways to compile: on a GPU, only the backend's default."""
    return JITS[backend][-1:] if device == "gpu" else JITS[backend]


def loop_jits(backend: str, device: str) -> tuple[bool | str, ...]:
    """Return the ways to compile long loops: on a CPU, also XLA without fusion."""
    found = jits(backend, device)
    return (*found, "unfused") if device == "cpu" and True in found else found
