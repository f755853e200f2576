"""What one measurement runs on, and the command line that repeats it alone."""

import argparse
import dataclasses
import os
from dataclasses import dataclass

PARTS = {
    "step": "step.py",
    "compile": "compile_time.py",
    "memory": "memory.py",
    "import": "import_time.py",
    "mixing": "mixing.py",
    "soft_step": "soft_step.py",
    "baked": "baked.py",
    "graph": "graph.py",
    "anytime": "anytime.py",
    "exported": "exported.py",
    "search_overhead": "search_overhead.py",
    "search_workers": "search_workers.py",
    "search_memory": "search_memory.py",
}

# TensorFlow compiles with XLA by default on a GPU, and not on a CPU: both count.
JITS = {"tensorflow": (False, True), "jax": (True,), "torch": (False,)}
# On a CPU, XLA computes again what it could store (chains of additions and ReLUs), and
# does not what it should (with remat). "unfused" is XLA without the passes to blame.
UNFUSED = "--xla_disable_hlo_passes=fusion,cse_barrier_expander"


@dataclass(frozen=True)
class Asked:
    """What run.py was asked for, as far as it decides about sizes.

    Attributes:
        quick: Tiny sizes.
        repeats: Pairs of runs, or steps, that a median is taken of; `None`: as usual.
        device: "cpu" or "gpu".
        batch: Examples of a step of SWRN; `None`: as usual on this device.
        width: Width of SWRN; `None`: as usual.
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
        network: Family of the zoo.
        width: Its width.
        size: Side of the square, or length of the string, it is applied to.
        batch: Examples of a step.
        iterations: How often its block is applied; of SWRN, that of each stage.
        jit: What `compile(jit_compile=...)` gets, or "unfused": true, with `UNFUSED`.
        variant: What is compared: "unrolled" or "rolled", "plain" or "remat"; of state
            graphs, what they are compared with; of searches, how many workers.
        repeats: Pairs of runs, or steps, that a median is taken of.
        templates: Number of templates that its kernels are mixed from.
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
    """One measurement, in one process of its own."""

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


def parse_setting(description: str | None) -> Setting:
    """The setting from this process's command line; before a backend is imported."""
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


def loop_jits(backend: str, device: str) -> tuple[bool | str, ...]:
    """How long loops are compiled: on a CPU, by XLA without its fusion too."""
    jits = JITS[backend]
    return (*jits, "unfused") if device == "cpu" and True in jits else jits
