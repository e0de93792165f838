"""Fixtures with one server each; a server and its threads stop with the test."""

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
    """The authority that signs the certificates of the test servers."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def ca_bundle(authority: Authority) -> Path:
    """The CA file for clients of the test servers."""
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
    """The URL of an empty database, with its password."""
    with postgres.database() as url:
        yield url
