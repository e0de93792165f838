"""Fixtures with a server each; a server stops with its test, and leaves no thread behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.postgres import Postgres, lacking, programs
from tests.servers.proxy import ProxyServer
from tests.servers.slack import SlackServer


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that signs our servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def ca_bundle(authority: Authority) -> Path:
    """The file of certificates that a client of our servers is to trust."""
    return authority.bundle


@pytest.fixture
def slack_server(authority: Authority) -> Iterator[SlackServer]:
    """A server that takes webhook messages."""
    server = SlackServer(authority.good)
    yield server
    server.stop()


@pytest.fixture
def gmail_server(authority: Authority) -> Iterator[GmailServer]:
    """A server that takes mail."""
    server = GmailServer(authority.good)
    yield server
    server.stop()


@pytest.fixture
def proxy_server() -> Iterator[ProxyServer]:
    """A proxy that opens tunnels."""
    server = ProxyServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; a test that stops it starts it again."""
    server = Postgres(programs() or lacking(os.environ))
    yield server
    server.close()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database, password and all."""
    with postgres.database() as url:
        yield url
