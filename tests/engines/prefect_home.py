"""A home and a server of Prefect's for the tests: a temporary folder, and the loopback interface.

Prefect reads the environment once, when it is imported: import this module first.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

LONGEST = 300.0  # seconds until the server answers, on a busy machine

HOME = Path(mkdtemp(prefix="tocsin-prefect-"))


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


PORT = _free_port()
ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_API_URL": f"http://127.0.0.1:{PORT}/api",
    "PREFECT_HOME": str(HOME),
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_UI_URL": "https://prefect.example.com",
}
if find_spec("prefect") is not None:
    os.environ.update(ENVIRONMENT)


@contextmanager
def server() -> Iterator[None]:
    """Run Prefect's server, and stop it."""
    words = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(PORT)]
    with (HOME / "server.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True) as process:
        try:
            until = time.monotonic() + LONGEST
            while not _answers():
                assert process.poll() is None, (HOME / "server.log").read_text(encoding="utf-8")
                assert time.monotonic() < until
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            shutil.rmtree(HOME, ignore_errors=True)


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/health", timeout=5) as answer:
            return bool(answer.read() == b"true")
    except OSError:
        return False
