"""`keras-recur search`: width against iterations, from the command line."""

from pathlib import Path
from typing import Annotated, Any

import typer

from keras_recur._files import check_path
from keras_recur._interrupts import interruptible
from keras_recur._terminal import plain_console
from keras_recur._validation import check_number
from keras_recur.cli.options import (
    DataDir,
    Epochs,
    Examples,
    Injection,
    Name,
    On,
    Quick,
    Seeds,
    Size,
)

Numbers = Annotated[str, typer.Option(help="Numbers with commas between, as 16,32,64.")]
Limit = Annotated[float | None, typer.Option(help="Budget, of one example.")]


def search(
    name: Name,
    on: On,
    widths: Numbers,
    iterations: Numbers,
    sharing: Annotated[
        str, typer.Option(help="all, none, groups of 2, bank of 2; commas between.")
    ] = "all,none",
    learning_rate: Annotated[
        str | None,
        typer.Option(help="A number, several with commas, or a range as 1e-4..1e-2."),
    ] = None,
    macs: Limit = None,
    parameters: Limit = None,
    activation_bytes: Limit = None,
    about: Annotated[
        float | None,
        typer.Option(
            "--tolerance", help="Budget: about instead of at most, 0.1 for 10 % off."
        ),
    ] = None,
    equal: Annotated[
        str | None,
        typer.Option(help="macs: for every number of iterations, the width that fits."),
    ] = None,
    oracle: Annotated[
        str, typer.Option(help="grid, random, bayesian, hyperband or optuna.")
    ] = "grid",
    objectives: Annotated[
        str | None,
        typer.Option(
            help="Of optuna: accuracy, and macs, parameters, activation_bytes; commas "
            "between. Default: accuracy,macs."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="How many networks at most.")
    ] = None,
    twins: Annotated[
        bool, typer.Option(help="Train every network's feed-forward twin, too.")
    ] = False,
    seeds: Seeds = 3,
    fresh_seeds: Annotated[
        int, typer.Option(help="Over how many fresh seeds the winner is trained anew.")
    ] = 3,
    workers: Annotated[
        int, typer.Option(help="Processes that train at once; 0: this one.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--output", help="Folder. Default: runs/search-NAME-DATA."),
    ] = None,
    quick: Quick = False,
    injection: Injection = None,
    size: Size = None,
    examples: Examples = None,
    epochs: Epochs = None,
    data_dir: DataDir = None,
):
    """Searches width against iterations, at a budget, and draws what it finds.

    The same command goes on where it was stopped.
    """
    from keras_recur import tuning

    limits = {
        "macs": macs,
        "parameters": parameters,
        "activation_bytes": activation_bytes,
    }
    budget = None
    if about is not None:
        check_number("about", about, 0, below=1)
    if any(limit is not None for limit in limits.values()) or about is not None:
        budget = tuning.Budget(**limits, tolerance=about)
    recipe: dict[str, Any] = {}
    if epochs is not None:
        recipe = {"epochs": epochs, "milestones": (), "warmup": min(2, epochs)}
    model = {} if injection is None else {"injection": injection}
    if injection == "none":
        model = {"injection": None}
    folder = Path("runs") / f"search-{name}-{on}"
    if out is not None:
        folder = check_path("out", out)
    console = plain_console()
    console.print(f"Search into {folder}; the same command resumes it.")
    try:
        with interruptible(), tuning.SearchView(console) as view:
            result = tuning.search(
                name,
                on,
                folder,
                widths=_integers("--widths", widths),
                iterations=_integers("--iterations", iterations),
                sharing=_names(sharing),
                learning_rate=_rates(learning_rate),
                budget=budget,
                equal=equal,
                oracle=oracle,
                objectives=None if objectives is None else _names(objectives),
                max_trials=trials,
                twins=twins,
                seeds=seeds,
                fresh_seeds=fresh_seeds,
                quick=quick,
                size=size,
                num_examples=examples,
                model=model,
                recipe=recipe,
                data_dir=data_dir and str(check_path("data_dir", data_dir)),
                workers=workers,
                report=view.report,
                progress=view.progress,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Interrupted. Finished runs and epochs are kept in {folder}: run the same "
            "command to resume."
        ) from None
    console.print()
    console.print(str(result))
    report = tuning.write_search_report(folder, result)
    console.print(f"\nReport with plots: {report}")


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _integers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ValueError(
            f"{option} must be integers with commas between, as 16,32,64. Received: "
            f"{text!r}."
        ) from None


def _rates(text: str | None) -> Any:
    """A number, a list, or for `low..high` a tuple."""
    if text is None:
        return None
    try:
        if ".." in text:
            low, high = text.split("..")
            return float(low), float(high)
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            "--learning-rate must be a number, numbers with commas between, or a range"
            f" as 1e-4..1e-2. Received: {text!r}."
        ) from None
    return values if len(values) > 1 else values[0]
