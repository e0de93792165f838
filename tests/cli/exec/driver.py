"""``tocsin exec`` with somebody who is told, and writes it down: ``python driver.py LOG [options] -- COMMAND``.

``TEST_TELLING`` says how: ``says`` says on standard error what it was told, ``raises`` raises each time, ``sticks`` never comes back,
and ``missing`` is not to be had. With ``bare`` and ``forgetful``, something that we need is not to be had: a library, the journal.
``usual`` has the usual telling. With ``late`` we are still loading when the command ends, and say when that was over.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from pathlib import Path

from tocsin.cli.exec.command import main

TYPE_CHECKING = False

if TYPE_CHECKING:
    from tocsin.cli.exec.notifier_protocol import OpenRun
    from tocsin.cli.exec.options import Options
    from tocsin.core.supervisor import Ended

HOW = os.environ.pop("TEST_TELLING", "")


class Recorder:
    """Writes down what it is told, and asks for as many attempts as there may be, until one goes well."""

    def __init__(self, options: Options, run: OpenRun) -> None:
        if HOW == "missing":
            raise ImportError("no telling today")
        self._options = options
        self._left = options.retries
        self._note("made", run)

    def started(self) -> None:
        self._note("started", None)

    def ended(self, ended: Ended) -> float | None:
        self._note("ended", ended)
        self._left -= 1
        return self._options.retry_delay if self._left >= 0 and ended.status else None

    def close(self) -> None:
        self._note("close", None)

    def _note(self, what: str, value: object) -> None:
        with Path(sys.argv[1]).open("ab") as file:
            pickle.dump((what, value), file)
        if HOW == "says":
            print("told:", what, file=sys.stderr, flush=True)
        if HOW == "raises":
            raise LookupError(what)
        if HOW == "sticks" and what == "ended":
            print("told:", what, file=sys.stderr, flush=True)
            threading.Event().wait()


class Lacking:
    """Finds all but what is not to be had, or not yet."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == LACKED.get(HOW):
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        if HOW == "late" and name == "tocsin.cli.exec.supervisor_loop":
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            print(time.time(), file=sys.stderr, flush=True)


LACKED = {"bare": "attrs", "forgetful": "tocsin.shell.history.run_locks"}
sys.meta_path.insert(0, Lacking())
sys.exit(main(sys.argv[2:], None if HOW == "usual" else Recorder))
