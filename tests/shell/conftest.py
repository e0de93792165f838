"""The fixture of a user with an empty home folder: no configuration file, no variable."""

import os
from pathlib import Path

import pytest

from tests.shell.homes import Home
from tocsin.shell.adapters.secret_files import secrets_file
from tocsin.shell.config.load import configuration

SECRETS = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD", "TEAM_WEBHOOK")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return both folders, the project's as the current one; the caches of the process are cleared."""
    for name in ("XDG_CONFIG_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("TOCSIN_") and name != "TOCSIN_NOTIFY"]:
        monkeypatch.delenv(name)
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    configuration.cache_clear()
    secrets = secrets_file()
    assert secrets is not None
    return Home(tmp_path / "project", secrets.parent)
