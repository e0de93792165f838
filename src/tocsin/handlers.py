"""The types of state handlers and notifiers, for annotations: ``SlackHandler[ForAll]`` is the type of ``slack_notifier``."""

from tocsin.core.machine import StateHandler
from tocsin.core.notifiers import Callback, Messenger, Notice, Notifier
from tocsin.shell.handlers.callback import CallbackHandler
from tocsin.shell.handlers.currying import CurriedHandler, ForAll, ForNew, ForSome, ForStates
from tocsin.shell.handlers.gmail import GmailHandler
from tocsin.shell.handlers.slack import SlackHandler

__all__ = [
    "Callback",
    "CallbackHandler",
    "CurriedHandler",
    "ForAll",
    "ForNew",
    "ForSome",
    "ForStates",
    "GmailHandler",
    "Messenger",
    "Notice",
    "Notifier",
    "SlackHandler",
    "StateHandler",
]
