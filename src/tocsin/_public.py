"""All public names of ``tocsin``, imported from their modules, for type checkers; ``tocsin`` itself loads each on first access."""
# ruff: noqa: PLR0402 - ty and pyrefly find no module by `from tocsin import`, which leads in a circle to this file

import tocsin.adapters as adapters
import tocsin.effects as effects
import tocsin.errors as errors
import tocsin.events as events
import tocsin.filters as filters
import tocsin.handlers as handlers
import tocsin.interpreters as interpreters
import tocsin.signals as signals
import tocsin.triggers as triggers
from tocsin.core.changes import Change, Tracked
from tocsin.core.machine import Announcement, Ask, Run, StateHandler, Step, Subject, step
from tocsin.core.outcomes import Outcome
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
from tocsin.core.values import FrozenMap
from tocsin.flows.flow import Edge, Flow
from tocsin.flows.inputs import Inputs
from tocsin.flows.report import Report
from tocsin.flows.task import FunctionTask, Task, TaskOptions, task
from tocsin.flows.task_run import TaskRun
from tocsin.integrations.tell import tell
from tocsin.shell.additions.files import Figure, HasFigure, HtmlFigure
from tocsin.shell.additions.rows import DataFrame
from tocsin.shell.current import interpreting
from tocsin.shell.errors import NotificationFailed, SecretNotFound
from tocsin.shell.handlers.callback import callback_factory
from tocsin.shell.handlers.gmail import gmail_notifier
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreter import Delivery, Interpreter
from tocsin.shell.interpreters.dry_run import DryRun, Recording
from tocsin.shell.interpreters.live import Live
from tocsin.shell.queues import flush
from tocsin.shell.reliable import reliable
from tocsin.shell.report import RunReport
from tocsin.watching.context import WatchedRun, current_run
from tocsin.watching.excepthook import install_excepthook
from tocsin.watching.logging_handler import LoggingHandler
from tocsin.watching.say import say
from tocsin.watching.watch import watch

__all__ = [
    "Aborted",
    "Announcement",
    "Ask",
    "Cached",
    "Change",
    "ClientFailed",
    "DataFrame",
    "Delivery",
    "DryRun",
    "Edge",
    "Failed",
    "Figure",
    "Finished",
    "Flow",
    "FrozenMap",
    "FunctionTask",
    "HasFigure",
    "HtmlFigure",
    "IllegalTransition",
    "Inputs",
    "Interpreter",
    "Live",
    "LoggingHandler",
    "Looped",
    "Mapped",
    "MetaState",
    "NotificationFailed",
    "Outcome",
    "Paused",
    "Pending",
    "Queued",
    "Recording",
    "Report",
    "Resume",
    "Retrying",
    "Run",
    "RunReport",
    "Running",
    "Scheduled",
    "SecretNotFound",
    "Skipped",
    "State",
    "StateHandler",
    "Step",
    "Subject",
    "Submitted",
    "Success",
    "Task",
    "TaskOptions",
    "TaskRun",
    "TimedOut",
    "Tracked",
    "TriggerFailed",
    "WatchedRun",
    "adapters",
    "callback_factory",
    "current_run",
    "effects",
    "errors",
    "events",
    "filters",
    "flush",
    "gmail_notifier",
    "handlers",
    "install_excepthook",
    "interpreters",
    "interpreting",
    "reliable",
    "say",
    "signals",
    "slack_notifier",
    "step",
    "task",
    "tell",
    "transition",
    "triggers",
    "watch",
]
