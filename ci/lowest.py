"""Prints pip's constraints for the lowest versions that pyproject.toml allows, one per line.

python ci/lowest.py > constraints.txt. They are the bounds of the dependencies and of the extra
``test-lowest``: torch and CuPy are not among them, and their tests skip.
"""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]
BOUND = re.compile(r"([\w-]+)>=([\w.]+)$")

if __name__ == "__main__":
    for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test-lowest"]:
        if bound := BOUND.match(requirement):
            print(f"{bound[1]}=={bound[2]}")
