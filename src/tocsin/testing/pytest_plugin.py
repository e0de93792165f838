"""The pytest plugin: no test sends anything for real, unless it says so.

- While pytest is at work, ``TOCSIN_NOTIFY`` is ``none``: every live interpreter withholds what it is given, one that a test sets up
  itself and one in a process that a test starts among them. So do those that run before a test, as its module is imported.
- During a test, its fixtures of whatever scope included, a ``Recording`` is in force. The fixture ``notifications`` is that Recording.
- A test marked ``tocsin_live`` runs as if there were no plugin.
- What one test does to the environment ends with it: the variable is ``none`` again for the next test, though a fixture took it away,
  and the configuration is read again.

It needs pytest alone, and not Hypothesis.
"""

import os
from collections.abc import Generator
from typing import Protocol

import pytest

from tocsin.shell import current
from tocsin.shell.config.load import configuration
from tocsin.shell.current import interpreting
from tocsin.shell.environment import NAME
from tocsin.shell.interpreters.dry_run import Recording
from tocsin.watching import recipients

_MARKER = "tocsin_live"
_INPUT = "tocsin_outside"


class Node(Protocol):
    """What pytest-xdist hands a hook."""

    config: pytest.Config
    workerinput: dict[str, object]


_recording = pytest.StashKey[Recording]()
_outside = pytest.StashKey[str | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Silence this process and those that it starts, and say what the marker means."""
    config.addinivalue_line("markers", f"{_MARKER}: tocsin sends notifications for real in this test")
    given: dict[str, object] = getattr(config, "workerinput", {_INPUT: os.environ.get(NAME)})  # a worker of xdist inherits ours
    value = given.get(_INPUT)
    outside = config.stash[_outside] = value if isinstance(value, str) else None
    config.add_cleanup(lambda: _set(outside))
    _set("none")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Node) -> None:
    """Tell a worker of pytest-xdist what it was outside; it would take our ``none`` for that."""
    node.workerinput[_INPUT] = node.config.stash[_outside]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Guard a whole test, from its first fixture to its last."""
    guarded = item.get_closest_marker(_MARKER) is None
    _forget()
    _set("none" if guarded else item.config.stash[_outside])
    try:
        if not guarded:
            return (yield)
        with interpreting(Recording()) as item.stash[_recording]:
            return (yield)
    finally:
        _set("none")
        _forget()


@pytest.fixture
def notifications(request: pytest.FixtureRequest) -> Recording:
    """The ``Recording`` in force in this test: its ``effects`` are all that would have been sent or called.

    A callback is recorded too, and not called. In a test marked ``tocsin_live`` there is none, and asking for it fails the test.
    """
    kept: Recording | None = request.node.stash.get(_recording, None)
    if kept is None:
        pytest.fail(f"a test marked {_MARKER} sends for real, and records no notifications", pytrace=False)
    return kept


def _forget() -> None:
    """What was read of the files and the variables of one test is not for another."""
    configuration.cache_clear()
    current.forget()
    recipients.forget()


def _set(value: str | None) -> None:
    if value is None:
        os.environ.pop(NAME, None)
    else:
        os.environ[NAME] = value
