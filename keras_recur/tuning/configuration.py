"""A network of a search."""

from typing import Any, NamedTuple


class Configuration(NamedTuple):
    """Network of a search.

    Attributes:
        width: Units or channels of the state.
        iterations: Number of iterations.
        sharing: `"all"`, `"none"`, `"groups of g"` or `"bank of k"`.
    """

    width: int
    iterations: int
    sharing: str

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Configuration":
        """Return the configuration of a row of a search."""
        return cls(row["width"], row["iterations"], row["sharing"])

    def __str__(self):
        return f"w{self.width}-t{self.iterations}-{self.sharing.replace(' ', '')}"
