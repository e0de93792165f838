"""Prints the supported Python versions without an interpreter on this machine, which tox skips."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def supported() -> Iterator[str]:
    """Yield the versions that the project's classifiers name."""
    for name in tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["classifiers"]:
        if found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", name):
            yield found[1]


def is_installed(version: str) -> bool:
    """Return whether an interpreter of this version runs. A name on ``PATH`` may be a dangling link."""
    program = shutil.which(f"python{version}")
    return program is not None and subprocess.run([program, "-c", ""], capture_output=True, timeout=60, check=False).returncode == 0


if __name__ == "__main__":
    for missing in (version for version in supported() if not is_installed(version)):
        print(f"not run here: Python {missing} (no interpreter found)")
