"""The signal handlers that the host has installed, so that its exceptions pass through our hooks."""

import signal
from types import CodeType

from tocsin.core.integrations.host_signals import comes_from_handler


def is_of_host(error: BaseException) -> bool:
    """Return whether an exception in a hook is the person's Ctrl-C, or comes from a signal handler of the host."""
    return isinstance(error, KeyboardInterrupt) or comes_from_handler(error, _installed())


def _installed() -> frozenset[CodeType]:
    codes = set[CodeType]()
    for number in signal.valid_signals():
        handler: object = signal.getsignal(number)
        code: object = getattr(getattr(handler, "__func__", handler), "__code__", None)
        if isinstance(code, CodeType):
            codes.add(code)
    return frozenset(codes)
