"""The pytest plugin: no test sends anything for real, unless it says so.

- While pytest is at work, ``TOCSIN_NOTIFY`` is ``none``: every live interpreter withholds what it is given, one that a test sets up
  itself and one in a process that a test starts among them. So do those that run before a test, as its module is imported.
- During a test, its fixtures of whatever scope included, a ``Recording`` is in force. The fixture ``notifications`` is that Recording.
- A test marked ``tocsin_live`` runs as if there were no plugin.

It needs pytest alone, and not Hypothesis.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

import pytest

from tocsin.shell.current import interpreting
from tocsin.shell.environment import NAME
from tocsin.shell.interpreters.dry_run import Recording

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
    if item.get_closest_marker(_MARKER) is None:
        with interpreting(Recording()) as item.stash[_recording]:
            return (yield)
    with _environment(item.config.stash[_outside]):
        return (yield)


@pytest.fixture
def notifications(request: pytest.FixtureRequest) -> Recording:
    """The ``Recording`` in force in this test: its ``effects`` are all that would have been sent or called.

    A callback is recorded too, and not called. In a test marked ``tocsin_live`` there is none, and asking for it fails the test.
    """
    kept: Recording | None = request.node.stash.get(_recording, None)
    if kept is None:
        pytest.fail(f"a test marked {_MARKER} sends for real, and records no notifications", pytrace=False)
    return kept


@contextmanager
def _environment(value: str | None) -> Generator[None, None, None]:
    """The variable set so, or not at all, and as it was afterwards."""
    before = os.environ.get(NAME)
    _set(value)
    try:
        yield
    finally:
        _set(before)


def _set(value: str | None) -> None:
    if value is None:
        os.environ.pop(NAME, None)
    else:
        os.environ[NAME] = value
