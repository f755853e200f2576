"""Write generated files, and touch only those whose content differs."""

from pathlib import Path


def put(path: Path, content: str | bytes) -> None:
    """Write a file unless it has this content, so Sphinx does not build it again."""
    content = content.encode() if isinstance(content, str) else content
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def keep_only(folder: Path, names: set[str]) -> None:
    """Remove the files of families and rooms that no longer exist."""
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()
