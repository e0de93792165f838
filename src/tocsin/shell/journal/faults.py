"""What keeps the journal from being read or written, in one line that says what to do about it."""

from tocsin.core.messages.text import one_line
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.journal.places import NAME

ELSEWHERE = f"set {NAME} to another folder"
RENEW = f"move it away, and a new one is begun, or {ELSEWHERE}"


class JournalFault(Exception):
    """The journal cannot be used; the message says which, why, and what to do, in one line without a secret."""

    def __init__(self, text: str) -> None:
        super().__init__(redact(one_line(text)))
