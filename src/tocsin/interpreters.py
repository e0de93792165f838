"""Interpreters: they execute effects, or wrap an interpreter that does; ``tocsin.reliable`` composes them."""

from tocsin.core.delivery.rate_limit import Rate
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.shell.current import InForce
from tocsin.shell.errors import OutboxError
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.interpreters.background import Background
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.dry_run import DryRun, Recording
from tocsin.shell.interpreters.fallback import Fallback, Fanout
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.outbox import Outbox
from tocsin.shell.interpreters.rate_limited import RateLimited
from tocsin.shell.interpreters.rendered import ByMail, BySlack
from tocsin.shell.interpreters.retrying import Retrying

__all__ = [
    "Background",
    "ByMail",
    "BySlack",
    "Digest",
    "DryRun",
    "Fallback",
    "Fanout",
    "InForce",
    "Interpreter",
    "Live",
    "Outbox",
    "OutboxError",
    "Rate",
    "RateLimited",
    "Recording",
    "RetryPolicy",
    "Retrying",
]
