"""What `run.py --gpu` measures, in which order.

The most valuable measurements come first, because the time is limited. Within a part
the backends take turns. One training is enough, so those of the other backends and
recipes come last.
"""

from setting import JITS, PARTS, Job

BUDGET, LIMIT = 1200, 420  # seconds: for all, and for one measurement
# Seconds that a measurement of each part may need, its start included. A measurement
# is started only if so much time is left.
EXPECTED = {
    "step": 45,
    "gemm": 60,
    "memory": 45,
    "soft_step": 60,
    "training": 330,
    "replay": 45,
    "progressive": 60,
    "anytime": 40,
    "twins": 120,
    "graph": 120,
    "search_workers": 150,
}
OTHER_EXPECTED = 60
# The backends for which most is expected of a GPU come first.
BACKENDS = sorted(JITS, key=("jax", "torch", "tensorflow").index)
# "simulated" is about pruning, and twins.py measures the twin of "shared".
LEFT_OUT = {"graph": ("simulated", "shared")}


def expected(job: Job) -> float:
    """Return the seconds that must be left for a measurement to start."""
    return EXPECTED.get(job.part, OTHER_EXPECTED)


def ordered(jobs: list[Job]) -> list[Job]:
    """Return the measurements for a GPU, the most valuable ones first."""
    parts = list(dict.fromkeys([*EXPECTED, *PARTS]))
    found = [j for j in jobs if j.setting.variant not in LEFT_OUT.get(j.part, ())]
    found.sort(key=lambda j: (parts.index(j.part), BACKENDS.index(j.backend)))
    trainings = [job for job in found if job.part == "training"]
    late = trainings[1:]
    return [job for job in found if job not in late] + late
