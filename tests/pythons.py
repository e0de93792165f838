"""Says which of the Pythons that we support are missing here, and so were not run: tox passes over them."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def supported() -> Iterator[str]:
    """The versions that the project names."""
    for name in tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["classifiers"]:
        if found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", name):
            yield found[1]


def there(version: str) -> bool:
    """Whether there is an interpreter of this version; a name may be on ``PATH`` that leads nowhere."""
    program = shutil.which(f"python{version}")
    return program is not None and subprocess.run([program, "-c", ""], capture_output=True, timeout=60, check=False).returncode == 0


if __name__ == "__main__":
    for missing in (version for version in supported() if not there(version)):
        print(f"not run here: Python {missing} (no interpreter found)")
