"""What docs/speed.md shows: one measurement, one small table, one sentence each.

A cell names the columns of the CSV that select its row. Tables have a line for each
backend, or for each variant of one network.
"""

from dataclasses import dataclass, field

from anytime import ITERATIONS
from search_overhead import EPOCHS, EXAMPLES
from search_storage import SHARED
from search_workers import EPOCHS as SHORT
from setting import UNFUSED
from short_epochs import EPOCHS as SHORT_EPOCHS
from short_epochs import STEPS


@dataclass(frozen=True)
class Measurement:
    """One table.

    Attributes:
        title: Heading.
        text: One sentence or two: what is compared, at which size.
        rows: Columns of the CSV that all of its rows share.
        cells: By heading of a column, what selects its row; `"show"` names the column
            of the CSV that is shown, by default `"value"`.
        lines: Labels of the table's lines by `variant`; by default one per backend.
        line: Column of the CSV that has a line for each of its values, instead.
        header: Header of this column in the table. Defaults to its name.
        target: The largest value that was aimed at, where there is one.
    """

    title: str
    text: str
    rows: dict[str, str]
    cells: dict[str, dict[str, str]]
    lines: dict[str, str] = field(default_factory=dict)
    line: str = ""
    header: str = ""
    target: float | None = None


def _ratio(**columns):
    return {"show": "ratio", **columns}


def _exported(what, batch, variant=""):
    columns = {"what": f"exported, {what}", "batch": batch}
    return columns | ({"variant": variant} if variant else {})


EXPORTED = {
    ("deep_thinking_1d", "16"): "prefix sums of 16 bits",
    ("deep_thinking_1d", "32"): "prefix sums of 32 bits",
    ("deep_thinking_2d", "9"): "mazes of size 9",
}
FORMATS = {
    "function": "function",
    "SavedModel": "exported",
    "ONNX": "onnx",
    "`torch.export`": "torch",
}
PLAIN_TORCH = {"deep_thinking_1d": ("1", "100"), "deep_thinking_2d": ("1", "16")}
EARLY_EXIT = (
    "Prefix sums of 32 bits: each example stops when two successive answers agree. "
    f"Ratio of the time to that of {ITERATIONS} iterations for all, and the share of "
    "examples that are right."
)
RULES = {
    **{f"until-{c}": f"confidence {c}" for c in ("0.9", "0.99", "0.999")},
    **{f"agreed-{n}": f"agreement {n}" for n in (1, 2)},
}
MEASUREMENTS = [
    Measurement(
        "Training step against hand-written Keras",
        "Ratio of the time of a training step of the zoo's recurrent network to that "
        "of the same network written by hand in plain Keras.",
        {"part": "step", "what": "step", "variant": "zoo"},
        {
            "`deep_thinking_2d`": _ratio(network="deep_thinking_2d"),
            "`deep_thinking_1d`": _ratio(network="deep_thinking_1d"),
        },
        target=1.03,
    ),
    *(
        Measurement(
            f"PyTorch as the backend, {what}",
            f"Ratio of the time of {text} of the zoo's recurrent network to that of "
            "the same network in plain PyTorch.",
            {"part": "plain_torch", "what": what, "variant": "zoo"},
            {
                f"`{network}`, batch {batch}": _ratio(network=network, batch=batch)
                for network, batches in PLAIN_TORCH.items()
                for batch in batches
            },
            target=1.1,
        )
        for what, text in (
            ("inference", "a forward pass"),
            ("training", "a training step"),
        )
    ),
    Measurement(
        "State graphs",
        "Ratios for `frnn` with three states at batch 4 (64 on a GPU). Step: a "
        "training step of 9 steps against the same graph by hand. Pruned: "
        "inference of 4 steps without the transitions that cannot reach the readout, "
        "against all of them. Untied: a training step of the twin against the "
        "recurrent network.",
        {"part": "graph"},
        {
            "step": _ratio(what="step", variant="zoo"),
            "pruned": _ratio(what="forward pass", variant="pruned"),
            "untied": _ratio(what="untied step", variant="untied"),
        },
    ),
    Measurement(
        "Unrolled and rolled loops",
        "A training step of `deep_thinking_2d` with 100 iterations. The first step "
        "traces, compiles and runs.",
        {"part": "compile", "iterations": "100"},
        {
            "first step, unrolled": {"what": "first step", "variant": "unrolled"},
            "first step, rolled": {"what": "first step", "variant": "rolled"},
            "later step, unrolled": {"what": "later step", "variant": "unrolled"},
            "later step, rolled": {"what": "later step", "variant": "rolled"},
        },
    ),
    Measurement(
        "Boundaries between iterations",
        "Ratio of the time of a training step of `deep_thinking_2d` in which XLA "
        "compiles each unrolled iteration on its own to that of a step in which it "
        "fuses them.",
        {"part": "boundaries", "what": "step", "variant": "boundaries"},
        {f"T = {n}": _ratio(iterations=n) for n in ("5", "10", "20", "40")},
    ),
    Measurement(
        "Two trainings on two cores",
        "Ratio of the time of two trainings at once, in processes with one thread "
        "each, to that of the two one after the other, in a process with two threads.",
        {"part": "threads", "what": "two trainings", "variant": "two processes"},
        {
            "`deep_thinking_1d`, width 48": _ratio(width="48"),
            "`deep_thinking_2d`, width 64": _ratio(width="64"),
            "`deep_thinking_2d`, width 256": _ratio(width="256"),
        },
    ),
    Measurement(
        "Memory with and without remat",
        "Peak memory of a training step of `deep_thinking_2d` with 100 iterations, and "
        "the ratio of the times of a step with remat and without.",
        {"part": "memory", "iterations": "100"},
        {
            "plain": {"what": "peak memory", "variant": "plain"},
            "remat": {"what": "peak memory", "variant": "remat"},
            "time with remat": _ratio(what="step time", variant="remat"),
        },
    ),
    Measurement(
        "Loops on a GPU",
        "A training step of `deep_thinking_2d` of width 128 with 100 iterations at "
        "batch 50: time of the first step, which compiles, and for rolled loops the "
        "ratio of the times of later steps to those of unrolled ones.",
        {"part": "memory", "iterations": "100", "device": "gpu"},
        {
            "first step, unrolled": {"what": "first step", "variant": "plain"},
            "remat": {"what": "first step", "variant": "remat"},
            "rolled": {"what": "first step", "variant": "rolled"},
            "later step, rolled": _ratio(what="step time", variant="rolled"),
            "memory, rolled": {"what": "peak memory", "variant": "rolled"},
        },
    ),
    Measurement(
        "Recurrent networks against their twins",
        "Ratio of the time of a training step of the recurrent network to that of its "
        "feed-forward twin, for every family at its default size and batch 64.",
        {"part": "twins", "what": "step of a twin", "variant": "recurrent"},
        {name: _ratio(backend=name) for name in ("tensorflow", "jax", "torch")},
        line="network",
    ),
    Measurement(
        "Share of the peak in bfloat16",
        "Speed of a matrix product of side 8,192, and the share of it that a training "
        "step under `mixed_bfloat16` reaches at batch 128: SWRN-28-10-2, and "
        "`resnet_bn` of width 512.",
        {"part": "gemm"},
        {
            "matrix product": {"what": "matrix product", "network": "swrn"},
            "SWRN-28-10-2": {
                "what": "share of the matrix product",
                "network": "swrn",
            },
            "`resnet_bn`": {
                "what": "share of the matrix product",
                "network": "resnet_bn",
            },
        },
    ),
    Measurement(
        "Truncated gradients",
        "Peak memory and ratio of the times of a training step of `deep_thinking_2d` "
        "with 100 iterations. Detached: `detach_every=10`. Frozen: with "
        "`gradient_iterations=5` too.",
        {"part": "truncated", "iterations": "100"},
        {
            "plain": {"what": "peak memory", "variant": "plain"},
            "detached": {"what": "peak memory", "variant": "detached"},
            "frozen": {"what": "peak memory", "variant": "frozen"},
            "time, detached": _ratio(what="step time", variant="detached"),
            "time, frozen": _ratio(what="step time", variant="frozen"),
        },
    ),
    Measurement(
        "State replay",
        "Ratio of the time of a training step with state replay to that of the same "
        "step without. Both score the last three of 12 iterations.",
        {"part": "replay", "what": "replay step", "variant": "with replay"},
        {
            "`deep_thinking_1d`": _ratio(network="deep_thinking_1d"),
            "`deep_thinking_2d`": _ratio(network="deep_thinking_2d"),
        },
        target=1.03,
    ),
    Measurement(
        "Many short epochs",
        f"Ratio of the time of {SHORT_EPOCHS - 1} epochs of {STEPS} steps with "
        "`training.fit` to that with Keras's `fit` on the same data.",
        {"part": "short_epochs", "what": "short epochs", "variant": "keras_recur"},
        {"`deep_thinking_1d`": _ratio(network="deep_thinking_1d")},
    ),
    Measurement(
        "Progressive loss",
        "Ratio of the time of a training step of 12 iterations with the progressive "
        "loss, which runs the network again, to that of the same step without.",
        {"part": "progressive", "what": "progressive step", "variant": "progressive"},
        {
            "`deep_thinking_1d`": _ratio(network="deep_thinking_1d"),
            "`deep_thinking_2d`": _ratio(network="deep_thinking_2d"),
        },
    ),
    Measurement(
        "Mixing kernels from templates",
        "Ratio of the time of `TemplateBank`, forward and backward, to that of summing "
        "coefficient times template in every layer, for six 3x3x640x640 kernels.",
        {"part": "mixing", "what": "mixing", "variant": "bank"},
        {
            "2 templates": _ratio(templates="2"),
            "6 templates": _ratio(templates="6"),
        },
        target=1 / 3,
    ),
    Measurement(
        "Template banks in a whole network",
        "Ratios of SWRN-28-10-2 to WRN-28-10 at batch 8 (128 on a GPU): a "
        "training step, and inference after `analysis.bake`.",
        {"network": "swrn"},
        {
            "training step": _ratio(part="soft_step", what="training step"),
            "inference, baked": _ratio(part="baked", what="inference"),
        },
        target=1.05,
    ),
    Measurement(
        "Early exit",
        EARLY_EXIT,
        {"part": "anytime", "device": "cpu"},
        {
            f"{heading}, batch {batch}": columns | {"batch": batch}
            for heading, columns in {
                "time": _ratio(what="early exit", variant="agreement"),
            }.items()
            for batch in ("1", "64")
        }
        | {
            heading: columns | {"batch": "64"}
            for heading, columns in {
                "iterations run": {"what": "iterations run", "variant": "agreement"},
                "right": {"what": "early exit, accuracy", "variant": "agreement"},
                f"right after {ITERATIONS}": {
                    "what": "early exit, accuracy",
                    "variant": "all iterations",
                },
            }.items()
        },
    ),
    Measurement(
        "Early exit on a GPU",
        EARLY_EXIT,
        {"part": "anytime", "device": "gpu"},
        {
            f"time, batch {batch}": _ratio(
                what="early exit", variant="agreement", batch=batch
            )
            for batch in ("1", "64", "1024")
        }
        | {
            "right": {
                "what": "early exit, accuracy",
                "variant": "agreement",
                "batch": "1024",
            },
            f"right after {ITERATIONS}": {
                "what": "early exit, accuracy",
                "variant": "all iterations",
                "batch": "1024",
            },
        },
    ),
    Measurement(
        "Memory of an accuracy curve",
        "Peak memory of scoring every iteration of 25 inputs of 59x59. Stored: all "
        "outputs of 100 iterations at once. Streamed: 1,000 iterations one by one.",
        {"part": "anytime", "what": "peak memory of a curve"},
        {
            "stored, 100": {"variant": "stored", "iterations": "100"},
            "streamed, 1,000": {"variant": "streamed", "iterations": "1000"},
        },
    ),
    *(
        Measurement(
            f"Exported networks, batch {batch}",
            "Prefix sums of 16 bits: ratio of the time to that of Keras's "
            "`predict_on_batch`, by the backend that exported the network. Function: "
            "the model compiled by its backend (PyTorch compiles nothing).",
            {"part": "exported", "what": "exported, pair by pair", "batch": batch}
            | {"network": "deep_thinking_1d", "size": "16"},
            {name: {"variant": variant} for name, variant in FORMATS.items()},
        )
        for batch in ("1", "64")
    ),
    *(
        Measurement(
            f"Exported early exit, {task}",
            "Ratio of the time of `serve_until` or `serve_until_agreed` to that of "
            "`serve`, which runs all iterations. Share of test examples that are right "
            "and mean number of iterations, at batch 64.",
            {"part": "exported", "network": network, "size": size},
            {
                "time, batch 1": _exported("pair by pair", "1"),
                "time, batch 64": _exported("pair by pair", "64"),
                "right": _exported("accuracy", "64"),
                "right, `serve`": _exported("accuracy", "64", "exported"),
                "iterations": _exported("iterations run", "64"),
            },
            lines=RULES,
        )
        for (network, size), task in EXPORTED.items()
    ),
    Measurement(
        "Overhead of a search",
        f"Processor time of a trial of {EPOCHS} epochs of {EXAMPLES:,} strings of 12 "
        "bits, by `fit` alone and by a search.",
        {"part": "search_overhead", "what": "trial, processor time"},
        {
            "fit": {"variant": "fit"},
            "search": {"variant": "search"},
            "ratio": _ratio(variant="search"),
        },
        target=1.03,
    ),
    Measurement(
        "A search with 1,000 finished trials",
        "Nothing is trained here. Start: open the search and read all trials. Propose "
        "and tell: get the next trial, and store its result (medians of 20). Report: "
        "draw the plots and write the pages.",
        {"part": "search_storage"},
        {
            "start": {"what": "start"},
            "propose": {"what": "propose"},
            "tell": {"what": "tell"},
            "report": {"what": "report"},
        },
        line="variant",
    ),
    Measurement(
        "Eight processes on one storage file",
        "Eight equal processes run the 1,000 trials of a grid, each of which ends at "
        "once. A proposal includes the waiting for other processes (median).",
        {"part": "search_storage", "variant": SHARED},
        {
            "proposal": {"what": "proposal"},
            "trials per second": {"what": "trials"},
            "ended exactly once": {"what": "ended exactly once"},
        },
    ),
    Measurement(
        "Workers of a search",
        f"Trials per hour for twelve networks of {SHORT} epochs, one thread per "
        "process, from the start of the first process to the last row. Load: processes "
        "that ran or waited on the machine before.",
        {"part": "search_workers", "device": "cpu"},
        {
            "1 worker": {"what": "trials", "variant": "1 worker"},
            "2 workers": {"what": "trials", "variant": "2 workers"},
            "load, 1 worker": {
                "what": "load of the machine before",
                "variant": "1 worker",
            },
            "load, 2 workers": {
                "what": "load of the machine before",
                "variant": "2 workers",
            },
        },
    ),
    Measurement(
        "Workers of a search on one GPU",
        f"Trials per hour for twelve networks of {SHORT} epochs, from the start of the "
        "first process to the last row.",
        {"part": "search_workers", "what": "trials", "device": "gpu"},
        {
            f"{n} worker{'s' * (n > 1)}": {"variant": f"{n} worker{'s' * (n > 1)}"}
            for n in (1, 2, 4, 8)
        },
    ),
    *(
        Measurement(
            f"Training on mazes, {recipe}",
            f"`deep_thinking_2d` of width 128 with {iterations} iterations on 50,000 "
            "mazes of size 9, for as many epochs as fit in four minutes: share of "
            "10,000 test mazes that are solved.",
            {"part": "training", "variant": variant, "device": "gpu"},
            {
                "epoch": {"what": "epoch"},
                "examples": {"what": "examples"},
                "epochs": {"what": "epochs"},
                "solved": {"what": "solved mazes"},
            },
        )
        for variant, iterations, recipe in (
            ("plain", 6, "recipe of Schwarzschild et al. 2022"),
            ("recall", 30, "recipe of Bansal et al. 2022"),
        )
    ),
    Measurement(
        "Memory of a worker",
        "Ratio of a worker's resident memory in trials 41 to 50 to that in trials 1 to "
        "10, with a new process every 20 trials and without.",
        {"part": "search_memory", "what": "resident memory, last over first"},
        {"replaced": {"variant": "replaced"}, "kept": {"variant": "kept"}},
        target=1.1,
    ),
    Measurement(
        "Reading and augmenting images",
        "Ratio of the time of `data.load`, from a folder to batches of 128, to that of "
        "the same pipeline by hand in `tf.data`, which caches small images after they "
        "were decoded. Reading: an epoch that starts with the opening of the folder. "
        "Smallest, largest: the ratios of single pairs of later epochs.",
        {"part": "input", "variant": "data.load"},
        {
            "reading": _ratio(what="epoch with reading"),
            "later epochs": _ratio(what="epoch"),
            "smallest": {"what": "epoch, smallest"},
            "largest": {"what": "epoch, largest"},
            "images per second and core": {"what": "images per core"},
        },
        line="network",
        header="data set",
        target=1.05,
    ),
    Measurement(
        "Import",
        "Time to import Keras alone and with this library.",
        {"part": "import"},
        {
            "keras": {"what": "import", "variant": "keras"},
            "keras_recur": {"what": "import", "variant": "keras_recur"},
            "difference": {"what": "import, difference"},
        },
    ),
    Measurement(
        "Start of the command line",
        "Time of `keras-recur --help`, which imports no backend. The target is at most "
        "0.5 s.",
        {"part": "import", "what": "help"},
        {"--help": {}},
    ),
]
FOOTNOTE = (
    "`XLA`: with `jit_compile=True`. `unfused`: XLA with "
    f"`XLA_FLAGS={UNFUSED}`, because on a CPU these passes compute again what could be "
    "stored."
)
