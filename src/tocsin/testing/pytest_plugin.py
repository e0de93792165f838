"""The pytest plugin: no test sends a notification, unless it has the marker ``tocsin_live``.

- While pytest runs, ``TOCSIN_NOTIFY`` is ``none``. So the effects of every live interpreter are withheld, and of every one of a user's
  that may send: also of one that a test makes, one in a process that a test starts, and one that is used before any test, while a
  module is imported.
- During a test and its fixtures of every scope, a ``Recording`` is in force. The fixture ``notifications`` returns it.
- A test marked ``tocsin_live`` runs as if there were no plugin.
- The effect of a test on the environment ends with it. The next test finds the variable at ``none``, even where a fixture removed it,
  and the configuration is read again.
- The plugin needs only pytest, not Hypothesis.
"""

import os
from collections.abc import Generator
from typing import Protocol

import pytest

from tocsin.shell import current
from tocsin.shell.config.load import configuration
from tocsin.shell.current import interpreting
from tocsin.shell.environment import NAME
from tocsin.shell.history.looked import looked
from tocsin.shell.interpreters.dry_run import Recording
from tocsin.watching import recipients

_MARKER = "tocsin_live"
_INPUT = "tocsin_outside"


class Node(Protocol):
    """The object that pytest-xdist passes to a hook."""

    config: pytest.Config
    workerinput: dict[str, object]


_recording = pytest.StashKey[Recording]()
_outside = pytest.StashKey[str | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Silence this process and its child processes, and register the marker."""
    config.addinivalue_line("markers", f"{_MARKER}: tocsin sends notifications for real in this test")
    given: dict[str, object] = getattr(config, "workerinput", {_INPUT: os.environ.get(NAME)})  # an xdist worker inherits our variable
    value = given.get(_INPUT)
    outside = config.stash[_outside] = value if isinstance(value, str) else None
    config.add_cleanup(lambda: _set(outside))
    _set("none")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Node) -> None:
    """Pass the original value of the variable to a worker of pytest-xdist, which inherits our ``none``."""
    node.workerinput[_INPUT] = node.config.stash[_outside]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Guard a whole test with all its fixtures."""
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
    """Return the ``Recording`` in force in this test: its ``effects`` are all that would have been sent or called.

    A callback is recorded too, and not called. In a test marked ``tocsin_live`` there is no recording, and this fixture fails the test.
    """
    recording: Recording | None = request.node.stash.get(_recording, None)
    if recording is None:
        pytest.fail(f"a test marked {_MARKER} sends for real, and records no notifications", pytrace=False)
    return recording


def _forget() -> None:
    """Drop what one test read from files and variables, so that the next test reads again."""
    configuration.cache_clear()
    current.forget()
    recipients.forget()
    looked.forget()


def _set(value: str | None) -> None:
    if value is None:
        os.environ.pop(NAME, None)
    else:
        os.environ[NAME] = value
