"""tocsin tells people on Slack and by email when the state of what they run changes.

A pure function decides which messages to send. An interpreter sends them, and can be swapped: the same flow posts for real, prints
what it would post, or records it for a test.

Each public name is loaded from its module on the first access to it. A program pays for what it uses, and ``tocsin exec`` starts its
command at once. Type checkers read ``_public``, which imports all names; a test holds the two equal.
"""

TYPE_CHECKING = False  # type checkers treat it as typing.TYPE_CHECKING, without the import

if TYPE_CHECKING:
    from tocsin._public import *  # noqa: F403 - `_public` lists the names
    from tocsin._public import __all__ as __all__
else:
    _NAMES = {
        "tocsin.core.changes": "Change Tracked",
        "tocsin.core.machine": "Announcement Ask Run StateHandler Step Subject step",
        "tocsin.core.outcomes": "Outcome",
        "tocsin.core.states": (
            "Aborted Cached ClientFailed Failed Finished Looped Mapped MetaState Paused Pending Queued Resume Retrying Running "
            "Scheduled Skipped State Submitted Success TimedOut TriggerFailed"
        ),
        "tocsin.core.transitions": "IllegalTransition transition",
        "tocsin.core.values": "FrozenMap",
        "tocsin.flows.flow": "Edge Flow",
        "tocsin.flows.inputs": "Inputs",
        "tocsin.flows.report": "Report",
        "tocsin.flows.task": "FunctionTask Task TaskOptions task",
        "tocsin.flows.task_run": "TaskRun",
        "tocsin.integrations.tell": "tell",
        "tocsin.shell.additions.files": "Figure HasFigure HtmlFigure",
        "tocsin.shell.additions.rows": "DataFrame",
        "tocsin.shell.current": "interpreting",
        "tocsin.shell.errors": "NotificationFailed SecretNotFound",
        "tocsin.shell.handlers.callback": "callback_factory",
        "tocsin.shell.handlers.gmail": "gmail_notifier",
        "tocsin.shell.handlers.slack": "slack_notifier",
        "tocsin.shell.interpreter": "Delivery Interpreter",
        "tocsin.shell.interpreters.dry_run": "DryRun Recording",
        "tocsin.shell.interpreters.live": "Live",
        "tocsin.shell.queues": "flush",
        "tocsin.shell.reliable": "reliable",
        "tocsin.shell.report": "RunReport",
        "tocsin.watching.context": "WatchedRun current_run",
        "tocsin.watching.excepthook": "install_excepthook",
        "tocsin.watching.logging_handler": "LoggingHandler",
        "tocsin.watching.say": "say",
        "tocsin.watching.watch": "watch",
    }
    _MODULES = "adapters effects errors events filters handlers interpreters signals triggers"
    _SOURCES = {name: module for module, names in _NAMES.items() for name in names.split(" ")}
    __all__ = [*_SOURCES, *_MODULES.split(" ")]  # noqa: PLE0604 - all are strings; a test compares them

    def __getattr__(name):
        from importlib import import_module

        if name in _SOURCES:
            globals()[name] = getattr(import_module(_SOURCES[name]), name)
        elif name in __all__:
            import_module(f"tocsin.{name}")  # which sets the attribute
        else:
            raise _missing(name)
        return globals()[name]

    def _missing(name):
        """Return the error for a name that is not here. Of an AttributeError `from tocsin import NAME` would not show the text."""
        import sys

        from tocsin.core.absent import instead

        why = instead("tocsin", name)
        if why is None:
            return AttributeError(f"module {__name__!r} has no attribute {name!r}")
        is_import = sys._getframe(2).f_code.co_name == "_handle_fromlist"  # the function of importlib
        return ImportError(why, name=__name__) if is_import else AttributeError(why, name=name)

    def __dir__():
        return sorted({*globals(), *__all__})
