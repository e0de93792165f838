"""A fact that cannot be read is None, whatever the engine's object does; what the host or the person asks for passes."""

import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from tocsin.integrations.copying import entry, fact


class Odd(dict[str, object]):
    """An object of an engine: each attribute and each item does something else than answer."""

    def __init__(self, does: Callable[[], object]) -> None:
        super().__init__()
        self.does = does

    @property
    def run_id(self) -> object:
        return self.does()

    def get(self, *_: object) -> object:
        return self.does()


def raises(error: BaseException) -> Callable[[], object]:
    def does() -> object:
        raise error

    return does


def interrupt() -> object:
    os.kill(os.getpid(), signal.SIGUSR1)
    return "it went on"


def asked_to_stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(f"signal {number}")


@pytest.fixture
def stopped_by_signal() -> Iterator[None]:
    """A host that ends by ``SystemExit`` where a signal comes."""
    before = signal.signal(signal.SIGUSR1, asked_to_stop)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("error", [AttributeError("run_id"), OSError("the server is gone"), SystemExit("run_id"), RecursionError()])
def test_what_cannot_be_read_is_none(error: BaseException) -> None:
    odd = Odd(raises(error))
    assert fact(odd, "run_id") is None
    assert entry(odd, "run_id") is None


def test_a_ctrl_c_passes() -> None:
    odd = Odd(raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        fact(odd, "run_id")
    with pytest.raises(KeyboardInterrupt):
        entry(odd, "run_id")


@pytest.mark.skipif(os.name != "posix", reason="a signal of POSIX's")
@pytest.mark.usefixtures("stopped_by_signal")
def test_what_a_signal_handler_of_the_host_raises_passes() -> None:
    odd = Odd(interrupt)
    with pytest.raises(SystemExit, match="signal"):
        fact(odd, "run_id")
    with pytest.raises(SystemExit, match="signal"):
        entry(odd, "run_id")
