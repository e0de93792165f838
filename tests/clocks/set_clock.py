"""Runs Python programs whose wall clock is set while they run, by a preloaded library. The clock of the machine stays as it is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import attrs
import pytest

from tests.cli.terminal_session import PATIENCE

SOURCE = Path(__file__).with_name("clock.c")
SETS = """
import os, sys
from pathlib import Path
def set_clock(seconds):
    Path(os.environ["SET_CLOCK"]).write_text(str(seconds))
"""
"""Gives a program ``set_clock(seconds)``, which sets its clock so far ahead of that of the machine, or back if negative."""


def lacking() -> str | None:
    """Return the reason why no clock can be set here; None if one can."""
    if not sys.platform.startswith("linux"):  # pragma: no cover - coverage is measured on Linux
        return "a library can be preloaded in this way on Linux only"
    if shutil.which("cc") is None and "CI" not in os.environ:  # pragma: no cover - coverage is measured with a compiler
        return "there is no C compiler"
    return None


needs_clock = pytest.mark.skipif(lacking() is not None, reason=str(lacking()))


def compiled(folder: Path) -> Path:
    """Compile the library into the folder, and return it."""
    library = folder / "clock.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE], check=True, timeout=60)  # noqa: S607
    return library


@attrs.frozen
class Machine:
    """A machine with a clock of its own. ``folder`` holds the state of its programs, and ``offset`` says how far the clock is off."""

    library: Path
    folder: Path

    @property
    def offset(self) -> Path:
        """The file that says by how many seconds the clock is off."""
        return self.folder / "offset"

    def set_clock(self, seconds: int) -> None:
        """Set the clock so far ahead, or back if negative."""
        self.offset.write_text(str(seconds))

    def run(self, *words: str | Path, environment: Mapping[str, str] = MappingProxyType({})) -> "subprocess.CompletedProcess[str]":
        """Run Python with these arguments to its end, with the clock as it stands."""
        return subprocess.run(
            [sys.executable, *words],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")},
                "LD_PRELOAD": str(self.library),
                "SET_CLOCK": str(self.offset),
                "TOCSIN_STATE_DIR": str(self.folder / "state"),
                **environment,
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
