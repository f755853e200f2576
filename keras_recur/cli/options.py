"""Options that several commands have, each said once."""

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="Family of networks; see `list`.")]
On = Annotated[str, typer.Option("--data", help="Data set; see `list`.")]
Out = Annotated[
    Path | None, typer.Option("--output", help="Run folder. Default: runs/NAME-DATA.")
]
Quick = Annotated[bool, typer.Option(help="A size for laptops.")]
Resume = Annotated[bool, typer.Option(help="Go on with a run that was interrupted.")]
Width = Annotated[int | None, typer.Option(help="Units or channels of the state.")]
Iterations = Annotated[int | None, typer.Option(help="How often the block is applied.")]
Templates = Annotated[
    str | None,
    typer.Option(help="Mix kernels from so many templates; 'layers': one per layer."),
]
Injection = Annotated[
    str | None, typer.Option(help="Show the input again: add, concat or none.")
]
Size = Annotated[int | None, typer.Option(help="Size of mazes, length of strings.")]
Examples = Annotated[int | None, typer.Option(help="Number of training examples.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training data.")]
Rate = Annotated[float | None, typer.Option(help="Learning rate.")]
Milestones = Annotated[
    str | None, typer.Option(help="Epochs of learning rate decay, as 30,40.")
]
Progressive = Annotated[
    float | None, typer.Option(help="Share of the progressive loss, 0 to 1.")
]
LossWeights = Annotated[
    str | None,
    typer.Option(
        help="Which answers are trained: final, uniform, geometric or 0.1,0.2,...; "
        "others than final switch the progressive loss off."
    ),
]
Gamma = Annotated[float | None, typer.Option(help="Factor of geometric weights.")]
AnnealFrom = Annotated[
    str | None, typer.Option(help="Weights of the first epoch, as --loss-weights.")
]
AnnealEpochs = Annotated[
    int | None, typer.Option(help="Epochs in which these become --loss-weights.")
]
Ramp = Annotated[
    str | None,
    typer.Option(help="Superclasses first, then classes: linear, switch or power."),
]
Hierarchy = Annotated[
    str | None,
    typer.Option(help="Superclass of every class, as 0,0,1. Default: the data set's."),
]
Supervised = Annotated[
    str | None,
    typer.Option(
        help="Compare losses over iterations on both twins: final,uniform[,geometric]."
    ),
]
Match = Annotated[str, typer.Option(help="Match the twins by depth or parameters.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of downloaded data sets.")]
Download = Annotated[bool, typer.Option(help="Allow the data set to be downloaded.")]
Seeds = Annotated[int, typer.Option(help="How many seeds.")]
