"""What people have left in the folder of the history for every run to heed: silences, and runs that they expect.

Each run asks, also a watched function that is called a million times. So the folder is looked at once in a second at most, and nothing
is loaded for it.
"""

import os
import time

import attrs

from tocsin.shell.history.paths import NAME, has_expectations, has_silences

_LOOK_AGAIN = 1.0  # seconds
_CHECK_AGAIN = 30.0  # seconds between two checks for missed runs


@attrs.define
class Looked:
    """What was seen last.

    Args:
        until: the monotonic time until which it is believed.
        silences: whether labels may be silent, or held back.
        check_is_due: whether runs are expected, and this process has not checked lately whether one was missed.
        anything: whether there is either.
        next_check: the monotonic time before which no check for missed runs is due.
        folder: what ``TOCSIN_STATE_DIR`` was.
    """

    until: float = 0.0
    silences: bool = False
    check_is_due: bool = False
    anything: bool = False
    next_check: float = 0.0
    folder: str | None = None

    def forget(self) -> None:
        """Look again at the next question, and take a check for due if runs are expected."""
        self.until = self.next_check = 0.0

    def note_check(self) -> None:
        """Note that a check for missed runs is made now."""
        self.next_check = time.monotonic() + _CHECK_AGAIN
        self.check_is_due, self.anything = False, self.silences


looked: Looked = Looked()
"""What was seen last; while ``until`` is not over, a hot path reads it without a call of ``look``."""


def look() -> Looked:
    """Return what is in the folder, as it was a second ago at most. Raise nothing."""
    now = time.monotonic()
    if now >= looked.until:
        folder = os.environ.get(NAME)
        if folder != looked.folder:
            looked.folder, looked.next_check = folder, 0.0
        silences, expectations = has_silences(), now >= looked.next_check and has_expectations()
        looked.silences, looked.check_is_due, looked.anything = silences, expectations, silences or expectations
        looked.until = now + _LOOK_AGAIN  # last: another thread may ask meanwhile
    return looked
