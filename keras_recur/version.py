"""Version and address of the project."""

__version__ = "0.1.0"

# The project has no public repository and no entry in a package index. Anybody could
# register a name that this code points to, and so run code on users' machines. To
# publish the project, put its address here, into `[project.urls]` of pyproject.toml and
# into the list of addresses in tests/test_package.py.
REPOSITORY: str | None = None
