"""Importing and creating the adapters loads no big library."""

import subprocess
import sys

HEAVY = ("requests", "urllib3", "smtplib", "email", "ssl", "asyncio", "keyring", "platformdirs", "certifi")
SCRIPT = f"""
import sys
from tocsin.shell.adapters import SystemClock
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secrets
from tocsin.shell.adapters.slack_webhook import SlackWebhook
SlackWebhook(), Gmail(), Secrets({{"A": "b"}}).find("A"), SystemClock().now()
sys.exit(", ".join(name for name in {HEAVY} if name in sys.modules) or None)
"""


def test_nothing_heavy_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stderr.strip(), done.returncode) == ("", 0)
