"""The version and the address of the project, each in one place."""

__version__ = "0.1.0"

# The project has no public repository and no entry in a package index. Anybody could
# register a name that this code points to, and would get code onto users' machines.
# Who publishes the project puts its address here, into `[project.urls]` of
# pyproject.toml and into the list of addresses in tests/test_package.py.
REPOSITORY: str | None = None
