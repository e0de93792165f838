"""How long ``tocsin exec`` waits at the end for a Slack that does not answer: once, at most the exit timeout, until a signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.scripts import environment
from tests.servers.slack import Reply, SlackServer

pytestmark = [pytest.mark.tocsin_live, pytest.mark.skipif(os.name != "posix", reason="exec needs POSIX")]
SILENT = [Reply(manner="silent")] * 9


def words(*command: str) -> list[str]:
    return [sys.executable, "-m", "tocsin", "exec", "--", *command]


def env(server: SlackServer, bundle: Path, home: Path, exit_timeout: str) -> dict[str, str]:
    return {**environment(server, bundle, home), "PATH": os.environ["PATH"], "TOCSIN_DELIVERY_EXIT_TIMEOUT": exit_timeout}


def test_it_waits_once_and_says_so_once(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    slack_server.replies = [*SILENT]
    environ = env(slack_server, ca_bundle, tmp_path, "0.5")
    done = subprocess.run(
        words("sh", "-c", "exit 3"), env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line == "tocsin: 1 message to Slack (SLACK_WEBHOOK_URL) had no answer in time, and may have arrived"


def test_a_signal_ends_the_waiting(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    slack_server.replies = [*SILENT]
    with subprocess.Popen(
        words("sh", "-c", "exit 3"),
        env=env(slack_server, ca_bundle, tmp_path, "50"),
        cwd=tmp_path,
        stderr=-1,
        text=True,
    ) as process:
        began = time.monotonic()
        while not slack_server.requests and time.monotonic() - began < 30:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert said.splitlines() == ["tocsin: interrupted while sending notifications: some may not have been sent"]
    assert time.monotonic() - began < 45
