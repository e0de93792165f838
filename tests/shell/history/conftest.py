"""A state folder for each test and the programs that it starts."""

from pathlib import Path

import pytest


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the folder, which does not exist yet."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"
