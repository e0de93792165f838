"""An outbox of its own for each test, and a configuration that is read anew."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.outbox.filled_outbox import Kept
from tests.servers.slack import SlackServer
from tocsin.shell.config.load import configuration
from tocsin.shell.fork_safety import close_all


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """The outbox in the state folder; its file is not there yet."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    configuration.cache_clear()
    yield Kept(tmp_path / "state" / "outbox.sqlite")
    configuration.cache_clear()


@pytest.fixture
def slack(slack_server: SlackServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """Slack, as this process has it configured."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack_server.url)
    monkeypatch.setenv("TOCSIN_SLACK_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("TOCSIN_SLACK_CA_BUNDLE", str(ca_bundle))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    configuration.cache_clear()
    yield slack_server
    close_all()
