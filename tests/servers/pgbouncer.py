"""A PgBouncer in front of the PostgreSQL server of the tests, with its own folder and port; it ends with the process that started it.

If none is installed, a test is skipped; in CI it fails. As root, it runs as the owner of the server: it refuses to run as root.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from tests.servers.postgres import PATIENCE, WATCHED, free_port, owner

PoolMode = Literal["session", "transaction", "statement"]
"""How long a client has a connection to the server."""

FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")
"""Where it is beside the folders on ``PATH``."""

_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {size}
logfile = {folder}/log
"""


def pgbouncer_program(path: str | None = None) -> Path:
    """Return the program, on ``path`` or in the folders of systems. Without it, the test is skipped, and in CI it fails."""
    found = shutil.which("pgbouncer", path=os.pathsep.join([path or os.environ.get("PATH", ""), *FOLDERS]))
    return Path(found) if found else lacking(os.environ)


def lacking(environ: Mapping[str, str]) -> NoReturn:
    """Skip a test that needs a pooler; fail it in CI."""
    reason = "there is no PgBouncer here: apt-get install pgbouncer, or brew install pgbouncer"
    if environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def pooled(url: str, mode: PoolMode, size: int = 3) -> Iterator[str]:
    """Yield the URL of a database behind a pooler.

    Args:
        url: the database on the server.
        mode: how long a client has a connection to the server.
        size: the greatest number of connections to the server.
    """
    program, port, parts = pgbouncer_program(), free_port(), urlsplit(url)
    folder = Path(tempfile.mkdtemp(prefix="tocsin_pgbouncer_"))
    try:
        (folder / "settings").write_text(_SETTINGS.format(server=parts.port, port=port, folder=folder, mode=mode, size=size))
        (folder / "users").write_text(f'"{parts.username}" "{unquote(parts.password or "")}"\n')
        for path in (folder, folder / "settings", folder / "users"):
            os.chown(path, owner(), -1)
        with subprocess.Popen(
            ["/bin/sh", "-c", WATCHED, "sh", str(program), str(folder / "settings")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=owner(),
            cwd=folder,
        ) as process:
            try:
                pooled_url = url.replace(f":{parts.port}/", f":{port}/")
                _wait_until_up(pooled_url, process, folder / "log")
                yield pooled_url
            finally:
                process.kill()
    finally:
        shutil.rmtree(folder)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url, autocommit=True).close()
        except psycopg.OperationalError as error:
            said = log.read_text() if log.exists() else ""
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PgBouncer does not start: {error} {said}") from None
            time.sleep(0.02)
        else:
            return
