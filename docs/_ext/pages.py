"""Files that are made anew, and touched only where they differ."""

from pathlib import Path


def put(path: Path, content: str | bytes) -> None:
    """Writes a file; one with this content is left, so that nothing is built again."""
    content = content.encode() if isinstance(content, str) else content
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def keep_only(folder: Path, names: set[str]) -> None:
    """Removes the files of families and rooms that are no more."""
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()
