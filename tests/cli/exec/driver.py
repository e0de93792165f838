"""``tocsin exec`` with a notifier that records its calls: ``python driver.py LOG [options] -- COMMAND``.

``TEST_NOTIFIER`` chooses how it behaves:

- ``says``: it prints each call on standard error. ``raises``: it raises in each call. ``sticks``: ``ended`` never returns.
- ``missing``: it cannot be made. ``bare``, ``forgetful``: a module cannot be imported: a library, the run locks.
- ``shell-less``: the system has no shell for the helper process.
- ``usual``: the default notifier. ``late``: the supervisor loop is loaded only after the command has ended; the time is printed.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from pathlib import Path

from tocsin.cli.exec import process_group
from tocsin.cli.exec.command import main

TYPE_CHECKING = False

if TYPE_CHECKING:
    from tocsin.cli.exec.notifier_protocol import OpenRun
    from tocsin.cli.exec.options import Options
    from tocsin.core.supervisor import Ended

MODE = os.environ.pop("TEST_NOTIFIER", "")


class Recorder:
    """Records its calls, and asks for another attempt until one succeeds or none is left."""

    def __init__(self, options: Options, run: OpenRun) -> None:
        if MODE == "missing":
            raise ImportError("no notifier today")
        self._options = options
        self._left = options.retries
        self._note("made", run)

    def started(self) -> None:
        self._note("started", None)

    def ended(self, ended: Ended) -> float | None:
        self._note("ended", ended)
        self._left -= 1
        return self._options.retry_delay if self._left >= 0 and ended.status else None

    def still_running(self, seconds: float, tail: bytes) -> None:
        self._note("still running", (seconds, tail))

    def close(self) -> None:
        self._note("close", None)

    def _note(self, what: str, value: object) -> None:
        with Path(sys.argv[1]).open("ab") as file:
            pickle.dump((what, value), file)
        if MODE == "says":
            print("told:", what, file=sys.stderr, flush=True)
        if MODE == "raises":
            raise LookupError(what)
        if MODE == "sticks" and what == "ended":
            print("told:", what, file=sys.stderr, flush=True)
            threading.Event().wait()


class MissingModules:
    """Makes the import of a module fail, or delays it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == MISSING_MODULES.get(MODE):
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        if MODE == "late" and name == "tocsin.cli.exec.supervisor_loop":
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            print(time.time(), file=sys.stderr, flush=True)


MISSING_MODULES = {"bare": "attrs", "forgetful": "tocsin.shell.history.run_locks"}
sys.meta_path.insert(0, MissingModules())
if MODE == "shell-less":
    process_group._SHELL = "/nonexistent/sh"
sys.exit(main(sys.argv[2:], None if MODE == "usual" else Recorder))
