"""tocsin tells people on Slack and by email when the state of what they run changes.

It decides *what* to tell as a pure function, and tells it through an interpreter that can be swapped: the same flow posts for real,
prints what it would post, or records it for a test.
"""

from tocsin import adapters, effects, events, filters, signals, triggers
from tocsin.core.changes import Change, Tracked
from tocsin.core.machine import Run, Step, step
from tocsin.core.states import (
    Aborted,
    Cached,
    ClientFailed,
    Failed,
    Finished,
    Looped,
    Mapped,
    MetaState,
    Paused,
    Pending,
    Queued,
    Resume,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Submitted,
    Success,
    TimedOut,
    TriggerFailed,
)
from tocsin.core.transitions import IllegalTransition, transition
from tocsin.flows.flow import Flow
from tocsin.flows.task import Task, task
from tocsin.shell.ambient import interpreting
from tocsin.shell.errors import NotificationFailed, SecretNotFound
from tocsin.shell.handlers.callback import callback_factory
from tocsin.shell.handlers.gmail import gmail_notifier
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.protocol import Interpreter
from tocsin.shell.interpreters.recording import Recording

__all__ = [
    "Aborted",
    "Cached",
    "Change",
    "ClientFailed",
    "DryRun",
    "Failed",
    "Finished",
    "Flow",
    "IllegalTransition",
    "Interpreter",
    "Live",
    "Looped",
    "Mapped",
    "MetaState",
    "NotificationFailed",
    "Paused",
    "Pending",
    "Queued",
    "Recording",
    "Resume",
    "Retrying",
    "Run",
    "Running",
    "Scheduled",
    "SecretNotFound",
    "Skipped",
    "State",
    "Step",
    "Submitted",
    "Success",
    "Task",
    "TimedOut",
    "Tracked",
    "TriggerFailed",
    "adapters",
    "callback_factory",
    "effects",
    "events",
    "filters",
    "gmail_notifier",
    "interpreting",
    "signals",
    "slack_notifier",
    "step",
    "task",
    "transition",
    "triggers",
]
