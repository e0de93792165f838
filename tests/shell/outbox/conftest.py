"""A PostgreSQL for the session, and an empty database in it for each test that asks for one."""

import os
from collections.abc import Iterator

import pytest

from tests.servers.postgres import Postgres, lacking, programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server; a test that stops it starts it again."""
    server = Postgres(programs() or lacking(os.environ))
    yield server
    server.close()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database, password and all."""
    with postgres.database() as url:
        yield url
