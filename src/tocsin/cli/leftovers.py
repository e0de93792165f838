"""What an earlier process left in the outbox is sent in the background while a command runs, where the configuration keeps one.

``run`` and ``exec`` see to that by what they send with, unless they are to send nothing; ``outbox`` does what it is told.
"""

from tocsin.shell.ambient import current_of_runs
from tocsin.shell.config.load import configuration
from tocsin.shell.inherited import override

_BY_THEMSELVES = frozenset({"exec", "outbox", "run"})


def attend(command: str | None) -> None:
    """Begin to send it, unless the command sees to that by itself. Nobody waits for more than what is being sent as it ends."""
    if command not in _BY_THEMSELVES and override() is None and configuration().delivery.outbox:
        current_of_runs()
