"""Checks the folder of the history: whether it can be written, and what is in it can be read. The check creates nothing."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from tocsin.core.diagnosis import Finding
from tocsin.core.notifiers import Messenger
from tocsin.shell.check.folders import may, obstacle
from tocsin.shell.history.journal import ELSEWHERE, HistoryError
from tocsin.shell.history.paths import EXPECTED, NAME, NoFolderError, state_folder
from tocsin.shell.history.silences import silences, usual_path
from tocsin.shell.history.store import HistoryStore


def check_history(notifiers: Iterable[Messenger]) -> tuple[Finding, ...]:
    """Return what is wrong, in one finding; nothing if all is in order.

    That a user has no home folder, as in many a container, is a fault only if a notifier depends on earlier runs.
    """
    try:
        folder = Path(state_folder())
    except NoFolderError as error:
        remedy = f"set {NAME} to a folder" if any(notifier.remembers() for notifier in notifiers) else None
        return (Finding("history", f"no run is remembered: {error.strerror}, and {NAME} is not set", remedy),)
    except OSError:
        return (Finding("history", f"{NAME} is no absolute path, and the working folder is gone", f"set {NAME} to an absolute path"),)
    for each in (folder, folder / "open", folder / EXPECTED):
        found = obstacle(each)
        if found is not None:
            remedy = f"make {found} a folder in which you may write, or {ELSEWHERE}"
            return (Finding("history", f"no run can be remembered in {each}", remedy),)
    try:
        HistoryStore.usual().history(limit=1)
        silences(time.time())
    except HistoryError as error:
        what, _, remedy = str(error).rpartition("; ")
        return (Finding("history", what, remedy),)
    for path in (HistoryStore.usual().path, usual_path()):
        if path.exists() and not may(path, os.W_OK):
            return (Finding("history", f"{path} cannot be written", f"make it writable, or {ELSEWHERE}"),)
    return ()
