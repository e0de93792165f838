"""Tests that the end of the gate names each missing Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pythons

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs here are shell scripts")


def program(folder: Path, name: str, status: int) -> None:
    """Write a program that ends with this status."""
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o700)


def test_missing_and_broken_interpreters_are_named(tmp_path: Path) -> None:
    program(tmp_path, "python3.11", 0)
    program(tmp_path, "python3.12", 127)
    done = subprocess.run(
        [sys.executable, "-m", "tests.pythons"],
        cwd=pythons.PROJECT.parent,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [f"not run here: Python 3.{minor} (no interpreter found)" for minor in (12, 13)]


def test_each_supported_version_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(pythons.supported()) == ["3.11", "3.12", "3.13"]
    program(tmp_path, "python3.13", 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [version for version in pythons.supported() if pythons.is_installed(version)] == ["3.13"]
