"""The commands that programs and people run again and again, as they are mostly written: without options, or with ``--json`` alone.

They do without Typer, which takes longer to load than they take. Written otherwise they are Typer's, and do the same.
"""

import gc
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

AS_JSON = "--json"


def plain(arguments: Sequence[str]) -> int | None:
    """Run the command if it is one of these, and return its exit status; None if it is not."""
    as_json = list(arguments[-1:]) == [AS_JSON]
    words = tuple(arguments[:-1] if as_json else arguments)
    if words not in _PLAIN:
        return None
    with _without_collections():
        from tocsin.cli.outbox.opening import drain_leftovers
        from tocsin.cli.terminal import interruptible

        drain_leftovers(words[0])
        with interruptible():
            return _PLAIN[words](as_json)


@contextmanager
def _without_collections() -> Generator[None]:
    """Look for no garbage: such a command ends in a moment, and to search what it loads takes a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _runs(as_json: bool) -> int:  # noqa: FBT001 - a row of the table below
    from tocsin.cli.runs.command import runs
    from tocsin.cli.runs.query import RunsOptions

    return runs(RunsOptions(as_json=as_json))


def _check(as_json: bool) -> int:  # noqa: FBT001 - a row of the table below
    from tocsin.cli.check import CheckOptions, check

    return check(CheckOptions(json=as_json))


def _outbox_status(as_json: bool) -> int:  # noqa: FBT001 - a row of the table below
    from tocsin.cli.outbox.opening import with_store
    from tocsin.cli.outbox.overview import status

    return with_store(None, lambda store: status(store, as_json=as_json))


_PLAIN: Mapping[tuple[str, ...], Callable[[bool], int]] = {
    ("runs",): _runs,
    ("check",): _check,
    ("outbox", "status"): _outbox_status,
}
