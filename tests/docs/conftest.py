"""Fixtures that execute the examples of the documentation without sending anything."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NoReturn

import attrs
import pytest
from returns.io import IOResult

from tests.docs.recipes import Machine
from tests.servers.slack import SlackServer
from tocsin import Live, interpreting
from tocsin.effects import CallBack, DeliveryError, Effect, Receipt, Withheld
from tocsin.shell.interpreter import result_of

ROOT = Path(__file__).parents[2]
SECRETS = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD")


@attrs.frozen
class Rehearsal:
    """Calls callbacks and sends nothing. It is in force on pages that name no interpreter."""

    notify: ClassVar[str] = "none"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return Live()(effect) if isinstance(effect, CallBack) else result_of(Withheld("this is a page of the documentation"))


def _refuse(*_: object) -> NoReturn:
    raise AssertionError("an example reached for the network")


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rehearsal]:
    """Provide no secret and no network, and the project's root as the working directory."""
    for name in (*SECRETS, *(f"{name}_FILE" for name in SECRETS), "TOCSIN_NOTIFY", "TOCSIN_ENV"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples")
    with interpreting(Rehearsal()) as rehearsing:
        yield rehearsing


@pytest.fixture
def machine(tmp_path: Path, slack_server: SlackServer, ca_bundle: Path) -> Machine:
    """A machine on which a recipe is run."""
    return Machine(tmp_path, slack_server, ca_bundle)
