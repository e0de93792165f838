"""Fixtures that run ``tocsin`` commands in an empty folder."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.prefork import Prefork
from tests.cli.terminal_session import Typist

OURS = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD", "TOKEN")


@pytest.fixture
def tocsin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    """Runs commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return Typist(tmp_path, capsys)


@pytest.fixture(scope="session")
def prefork() -> Iterator[Prefork]:
    """Runs commands in processes of their own, quickly."""
    if os.name != "posix":  # pragma: no cover - only on Windows
        pytest.skip("it forks")
    with closing(Prefork()) as made:
        yield made


@pytest.fixture
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and an environment without tocsin's settings and secrets."""
    for name in ("XDG_CONFIG_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
        monkeypatch.delenv(name)
    for name in (*OURS, *(f"{name}_FILE" for name in OURS), "HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
