"""The version and the address of the project."""

__version__ = "0.1.0"

# The project is unpublished, and anyone could register an address that is named here.
# Its publisher adds the address here, to `[project.urls]` in pyproject.toml and to the
# list of addresses in tests/test_package.py.
REPOSITORY: str | None = None
