"""The command `keras-recur search`."""

from typing import Annotated, Any

import typer

from keras_recur._files import check_path
from keras_recur._help import SearchDefaults
from keras_recur._interrupts import interruptible
from keras_recur._terminal import plain_console
from keras_recur._validation import check_number
from keras_recur.cli.options import (
    Data,
    DataDir,
    Epochs,
    Examples,
    Injection,
    Name,
    Output,
    Quick,
    Seeds,
    Size,
    run_folder,
)
from keras_recur.cli.search_view import SearchView


def search(
    name: Name,
    data: Data,
    widths: Annotated[
        str,
        typer.Option(help="Widths, as 16,32,64; with --equal, the range of widths."),
    ],
    iterations: Annotated[str, typer.Option(help="Numbers of iterations, as 2,4,8.")],
    sharing: Annotated[
        str, typer.Option(help="all, none, groups of N and bank of N.")
    ] = ",".join(SearchDefaults.sharing),
    learning_rate: Annotated[
        str | None,
        typer.Option(
            help="A number, a list as 0.01,0.1, or a range as 1e-4..1e-2. "
            "Default: that of the recipe."
        ),
    ] = None,
    macs: Annotated[
        float | None, typer.Option(help="Budget: MACs for one example.")
    ] = None,
    parameters: Annotated[
        float | None, typer.Option(help="Budget: trainable parameters.")
    ] = None,
    activation_bytes: Annotated[
        float | None, typer.Option(help="Budget: bytes of activations for one example.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Allowed deviation from the budget, as 0.1. Default: the budget is a "
            "maximum."
        ),
    ] = None,
    equal: Annotated[
        str | None,
        typer.Option(help="macs keeps the largest width within the budget's MACs."),
    ] = None,
    oracle: Annotated[
        str, typer.Option(help="grid, random, bayesian, hyperband or optuna.")
    ] = SearchDefaults.oracle,
    objectives: Annotated[
        str | None,
        typer.Option(
            help="Objectives of optuna: accuracy, macs, parameters and "
            "activation_bytes. Default: accuracy,macs."
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of networks. Default: all, or 20 without grid."
        ),
    ] = None,
    twins: Annotated[
        bool, typer.Option("--twins", help="Train the feed-forward twins as well.")
    ] = False,
    seeds: Seeds = SearchDefaults.seeds,
    fresh_seeds: Annotated[
        int, typer.Option(help="Number of new seeds for the winner.")
    ] = SearchDefaults.fresh_seeds,
    workers: Annotated[
        int,
        typer.Option(help="Number of processes to start; 0 trains in this process."),
    ] = 0,
    storage: Annotated[
        str | None,
        typer.Option(
            help="URL of a database that the processes of a search share, as "
            "postgresql://user@host/name. Default: a file in the output folder."
        ),
    ] = None,
    output: Output = None,
    quick: Quick = False,
    injection: Injection = None,
    size: Size = None,
    examples: Examples = None,
    epochs: Epochs = None,
    data_dir: DataDir = None,
):
    """Search width against iterations within a budget.

    Run the same command again to resume an interrupted search, or at the same time, on
    any machine that shares the output folder, to speed it up.
    """
    from keras_recur import tuning

    folder = run_folder(output, f"search-{name}-{data}")
    limits = {
        "macs": macs,
        "parameters": parameters,
        "activation_bytes": activation_bytes,
    }
    budget = None
    if tolerance is not None:
        check_number("tolerance", tolerance, 0, below=1)
    if any(limit is not None for limit in limits.values()) or tolerance is not None:
        budget = tuning.Budget(**limits, tolerance=tolerance)
    recipe: dict[str, Any] = {}
    if epochs is not None:
        recipe = {"epochs": epochs, "milestones": (), "warmup": min(2, epochs)}
    model: dict[str, Any] = {}
    if injection is not None:
        model["injection"] = None if injection == "none" else injection
    console = plain_console()
    console.print(f"Output: {folder}/. The same command resumes this search.")
    try:
        with interruptible(), SearchView(console) as view:
            result = tuning.search(
                name,
                data,
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
                storage=storage,
                workers=workers,
                conclude=lambda found: tuning.write_search_report(folder, found),
                report=view.report,
                progress=view.progress,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Interrupted. Completed runs and epochs are kept in {folder}: run the "
            "same command to resume."
        ) from None
    console.print(f"\n{result}")
    page = folder / "report.html"
    if not page.exists():  # It was removed, and no row has changed.
        tuning.write_search_report(folder, result)
    console.print(f"\nReport with plots: {page}")


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _integers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ValueError(
            f"{option} must be integers separated by commas, such as 16,32,64. "
            f"Received: {text!r}."
        ) from None


def _rates(text: str | None) -> Any:
    """Return a number, a list, or a tuple for a range `low..high`."""
    if text is None:
        return None
    try:
        if ".." in text:
            low, high = text.split("..")
            return float(low), float(high)
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            "--learning-rate must be a number, numbers separated by commas, or a range "
            f"such as 1e-4..1e-2. Received: {text!r}."
        ) from None
    return values if len(values) > 1 else values[0]
