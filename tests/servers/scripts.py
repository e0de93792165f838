"""Runs real scripts in their own processes, which send to the test servers."""

import json
import os
import textwrap
from pathlib import Path

from tests.servers.slack import SlackServer


def environment(server: SlackServer, bundle: Path, home: Path) -> dict[str, str]:
    """Return a minimal environment, as in a container: the webhook, and the CA file for it."""
    return {
        "SLACK_WEBHOOK_URL": server.url,
        "TOCSIN_SLACK_ALLOWED_HOSTS": "127.0.0.1",
        "TOCSIN_SLACK_CA_BUNDLE": str(bundle),
        "HOME": str(home),
        **{name: os.environ[name] for name in os.environ if name.startswith(("COVERAGE", "SYSTEMROOT"))},
    }


def texts(server: SlackServer) -> list[str]:
    """Return the notification texts of the messages."""
    return [json.loads(request.body)["attachments"][0]["fallback"] for request in server.requests]


def script(folder: Path, program: str) -> Path:
    """Write the program to a file."""
    path = folder / "nightly.py"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    return path
