"""Print the lowest versions that pyproject.toml declares for this Python, as pip's constraints."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for line in project["dependencies"] + extras["distributed"] + extras["test"]:
    requirement = Requirement(line)
    if requirement.marker is None or requirement.marker.evaluate():
        for bound in requirement.specifier:
            if bound.operator == ">=":
                print(f"{requirement.name}=={bound.version}")
