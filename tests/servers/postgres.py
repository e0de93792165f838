"""A PostgreSQL server for the tests, with its own folder and port; it ends with the process that started it.

- The server is the one on ``PATH``, or else the newest of Debian's and Homebrew's. If none is installed, a test is skipped; in CI it
  fails.
- It listens on 127.0.0.1 alone, with and without TLS, and asks for a password (SCRAM). The tests' databases belong to a role without
  other rights.
- ``fsync`` is off: committed data is with the kernel, and survives any end of the server; only a crash of the whole machine would lose
  it. ``synchronous_commit`` stays on: nothing is acknowledged before that.
- As root, the server is started as ``postgres``, or as ``nobody``: it refuses to run as root.
- The port is outside the range of outgoing connections, so that no other process gets it while the server is down.
- No wait is longer than ``PATIENCE`` seconds. If the tests are killed, a pipe closes, and a watching shell ends the server.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Literal, NoReturn
from urllib.parse import quote

import psycopg
import pytest
import trustme
from psycopg import sql

Mode = Literal["fast", "immediate"]
"""How the server stops: in order, or at once, so that it has to recover at the next start."""

PATIENCE = 30.0
FOLDERS = ("usr/local/opt/postgresql*/bin", "opt/homebrew/opt/postgresql*/bin", "usr/lib/postgresql/*/bin")
ROLE = "worker"

_SIGNALS: Mapping[Mode, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_READY = "database system is ready to accept connections"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
max_connections = 200
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
"""
# The inner shell is detached: PostgreSQL takes the end of a child process that it does not know for a crash.
WATCHED = 'exec 3<&0 </dev/null; ( ( read -r end <&3; kill -QUIT $$ ) >/dev/null 2>&1 & ); exec "$@" 3<&-'


def programs(path: str | None = None, root: Path = Path("/")) -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``: on ``path``, or else the newest of the folders; None if there is none."""
    known = sorted((folder for pattern in FOLDERS for folder in root.glob(pattern)), key=_release)
    found = [shutil.which("initdb", path=path), *(folder / "initdb" for folder in reversed(known))]
    return next((Path(program).resolve().parent for program in found if program), None)


def lacking(environ: Mapping[str, str]) -> NoReturn:
    """Skip a test that needs a server; fail it in CI."""
    reason = "there is no PostgreSQL server here: apt-get install postgresql, or brew install postgresql"
    if environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Postgres:
    """A server that runs until it is closed.

    Args:
        programs: the folder with ``initdb`` and ``postgres``.

    Attributes:
        port: its port on 127.0.0.1.
        canary: a part of every password, which must not appear in any output.
        folder: the folder of all its files.
        bundle: the CA file for clients.
        log: the last lines of its log.
    """

    def __init__(self, programs: Path) -> None:
        self.canary = f"CANARY{secrets.token_hex(9)}"
        self.log: deque[str] = deque(maxlen=100)
        self.port = free_port()
        self._password = f"{self.canary}@:/%"
        self._programs = programs
        self._owner = owner()
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin_postgres_"))
        self._data = self.folder / "data"
        self.bundle = self.folder / "ca.pem"
        os.chown(self.folder, self._owner, -1)
        self._make()
        self.start()
        self.do(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(self._password)))

    def url(self, database: str) -> str:
        """Return the URL of a database, with the password in it."""
        return f"postgresql://{ROLE}:{quote(self._password, safe='')}@127.0.0.1:{self.port}/{database}"

    def do(self, statement: sql.Composed | sql.SQL, database: str = "postgres") -> None:
        """Execute a statement as a superuser."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self._password,
            dbname=database,
            connect_timeout=int(PATIENCE),
            autocommit=True,
        ) as connection:
            connection.execute(statement)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of an empty database, which is dropped at the end even if it is in use."""
        name = f"outbox_{secrets.token_hex(6)}"
        self.do(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(ROLE)))
        try:
            yield self.url(name)
        finally:
            self.do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start the server, and wait until it accepts connections.

        Raises:
            RuntimeError: the server ended; the message holds its log.
        """
        self.log.clear()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", WATCHED, "sh", str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self._owner,
            cwd=self.folder,
            env={"LC_ALL": "C"},
        )
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._pipes = (self._process.stdin, self._process.stderr)
        ready = SimpleQueue[bool]()
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr, ready), name="reads a log", daemon=True)
        self._reader.start()
        if not ready.get(timeout=PATIENCE):
            self.stop()
            raise RuntimeError(f"PostgreSQL does not start: {''.join(self.log)}")

    def stop(self, mode: Mode = "fast") -> None:
        """Stop the server, and wait for its end. Do nothing if it has ended already."""
        self._process.send_signal(_SIGNALS[mode])
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join(PATIENCE)
            for pipe in self._pipes:
                pipe.close()

    def restart(self, mode: Mode = "fast") -> None:
        """Stop the server, and start it again."""
        with self.down(mode):
            pass

    @contextmanager
    def down(self, mode: Mode = "fast") -> Iterator[None]:
        """Stop the server while the block runs; its port refuses connections."""
        self.stop(mode)
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend all processes of the server while the block runs: it neither answers nor closes a connection."""
        words = ["/bin/ps", "-axo", "pid=,ppid="]
        listed = subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, listed.splitlines())}
        pids = [self._process.pid, *(pid for pid, parent in parents.items() if parent == self._process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server for good, and remove its files."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder)

    def _make(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        self._write("ca.pem", authority.cert_pem.bytes())
        self._write("password", self._password.encode())
        options = "-D data -U postgres -E UTF8 -A scram-sha-256 --no-locale --no-sync --pwfile password"
        subprocess.run(
            [str(self._programs / "initdb"), *options.split()],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
            user=self._owner,
            cwd=self.folder,
            env={"LC_ALL": "C"},
        )
        self._write("data/server.pem", b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        self._write("data/server.key", certificate.private_key_pem.bytes())
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS)

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.touch(0o600)
        path.write_bytes(data)
        os.chown(path, self._owner, -1)

    def _read(self, lines: IO[str], ready: SimpleQueue[bool]) -> None:
        for line in lines:
            self.log.append(line)
            if _READY in line:
                ready.put(True)
        ready.put(False)


def _release(folder: Path) -> list[int]:
    """Return the numbers in the name of a folder."""
    return [int(number) for number in re.findall(r"\d+", folder.parent.name)]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    """Return a free port outside the range of outgoing connections."""
    return next(filter(_free, iter(lambda: 20_000 + secrets.randbelow(12_000), None)))


def owner() -> int:
    """Return the user id to run a server as: our own, or an unprivileged one if we are root."""
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return os.geteuid() or known.get("postgres") or known["nobody"]
