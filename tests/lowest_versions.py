"""Print the lowest allowed version of each dependency, as constraints of pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
for line in [*project["dependencies"], *project["optional-dependencies"]["jax"]]:
    if found := re.match(r"([\w.-]+)>=([\w.]+)", line):
        print("==".join(found.groups()))
