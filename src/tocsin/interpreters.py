"""What acts on effects, and wraps what does: each is an interpreter, and ``tocsin.reliable`` is all of them composed."""

from tocsin.core.delivery.pace import Rate
from tocsin.core.delivery.schedule import RetryPolicy
from tocsin.shell.interpreters.background import Background
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.interpreters.fallback import Fallback
from tocsin.shell.interpreters.fanout import Fanout
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.outbox import Outbox
from tocsin.shell.interpreters.paced import Paced
from tocsin.shell.interpreters.protocol import Interpreter
from tocsin.shell.interpreters.recording import Recording
from tocsin.shell.interpreters.retrying import Retrying
from tocsin.shell.interpreters.translated import ByMail, BySlack
from tocsin.shell.outbox.faults import OutboxFault

__all__ = [
    "Background",
    "ByMail",
    "BySlack",
    "Digest",
    "DryRun",
    "Fallback",
    "Fanout",
    "Interpreter",
    "Live",
    "Outbox",
    "OutboxFault",
    "Paced",
    "Rate",
    "Recording",
    "RetryPolicy",
    "Retrying",
]
