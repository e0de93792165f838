"""Uses an outbox again and again, each time in a forked process with other faults, and reports each step before and after it.

Each line on standard input is a job, as JSON. Lines on standard output report it; the last one is the exit status of the fork.
"""

import ctypes
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress

from tocsin.core.outbox.model import Row
from tocsin.core.outbox.state_machine import OutcomeKnown, Released, RowEvent
from tocsin.core.outcomes import Delivered, Retryable
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.store import Store

Say = Callable[[str, object], None]

_BUSY = 0.05
_HANG = 30  # seconds


def body(key: str) -> str:
    """Return the body of the row with that key. One of them is longer than a page of the file."""
    return json.dumps({"text": key * (9000 if key == "big" else 100)})


def _row(key: str) -> Row:
    return Row.new(key=key, destination="slack:TEAM", kind="PostToSlack", version=1, body=body(key), at=1e9)


class _Steps:
    """Steps on an outbox, each reported."""

    def __init__(self, store: Store, say: Say, *there: str) -> None:
        self._store = store
        self._say = say
        self._keys = list(there)

    def put(self, *keys: str) -> None:
        self._keys += keys
        aim = dict.fromkeys(keys, "pending")

        def kept() -> Mapping[str, str]:
            self._store.put([_row(key) for key in keys])
            return aim

        self._step(aim, kept)

    def claim(self, name: str) -> None:
        def claimed() -> Mapping[str, str]:
            return {row.key: row.status.value for row in self._store.claim("slack:TEAM", name, seconds=3600.0)}

        self._step(dict.fromkeys(self._keys, "leased"), claimed)

    def advance(self, status: Mapping[str, str], events: Sequence[tuple[str, RowEvent]]) -> None:
        def advanced() -> Mapping[str, str]:
            return {row.key: row.status.value for row in self._store.advance(events) if isinstance(row, Row)}

        self._step(status, advanced)

    def _step(self, aim: Mapping[str, str], act: Callable[[], Mapping[str, str]]) -> None:
        self._say("try", aim)
        try:
            done = act()
        except OutboxError as fault:
            self._say("fault", str(fault))
        else:
            self._say("done", done)


def run(folder: str, say: Say) -> None:
    """Run a program that sends, and a second one after it."""
    with closing(Store(f"sqlite:///{folder}/outbox.sqlite", busy=_BUSY)) as store:
        now, steps = store.now(), _Steps(store, say)
        steps.put("a")
        steps.put("b", "c")
        steps.claim("first")
        steps.advance({"a": "delivered"}, [("a", OutcomeKnown(now, "first", Delivered(), 0.5))])
        later: list[tuple[str, RowEvent]] = [
            ("b", OutcomeKnown(now, "first", Retryable("busy"), 0.5)),
            ("c", Released(now, "first", now + 9.0)),
        ]
        steps.advance({"b": "delayed", "c": "delayed"}, later)
        steps.put("big")
    with closing(Store(f"sqlite:///{folder}/outbox.sqlite", busy=_BUSY)) as store:
        steps = _Steps(store, say, "a", "b", "c", "big")
        steps.claim("second")
        steps.advance({"big": "delivered"}, [("big", OutcomeKnown(now, "second", Delivered(), 0.5))])
        steps.put("last")


def _say(*words: object) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())


def _forked(job: Mapping[str, object], faults: ctypes.CDLL) -> None:  # pragma: no cover - coverage does not measure this fork
    sys.settrace(None)
    signal.alarm(_HANG)
    names = (str(job["folder"]).encode(), str(job["kinds"]).encode())
    faults.faults_arm(*names, job["number"], job["mode"], job["code"])
    try:
        run(str(job["folder"]), lambda word, what: _say(word, what, len(faults.faults_trace()) // 2))
    except BaseException as error:
        _say("raised", repr(error))
    _say("trace", faults.faults_trace().decode())
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run all code once without faults, then run one job after another."""
    faults = ctypes.CDLL(None)
    faults.faults_trace.restype = ctypes.c_char_p
    faults.faults_trace()
    with tempfile.TemporaryDirectory() as folder:
        run(folder, lambda *_: None)
        with suppress(OutboxError):
            run(f"{folder}/outbox.sqlite/beneath", lambda *_: None)
    _say("ready")
    for line in sys.stdin:
        child = os.fork()
        if not child:  # pragma: no cover - coverage does not measure this fork
            _forked(json.loads(line), faults)
        _say("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
