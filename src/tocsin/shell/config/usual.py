"""Who is told where a program names nobody."""

import attrs

from tocsin.core.config.configuration import Configuration
from tocsin.core.notifiers import Messenger
from tocsin.shell.config.defaults import default_handlers, nobody
from tocsin.shell.interpreters.protocol import Notify
from tocsin.shell.log import once


def usual_handlers(config: Configuration, manner: Notify) -> tuple[Messenger, ...]:
    """The handlers of the configuration; where it leads nowhere, Slack is what a dry run shows, and a live run complains, once.

    ``manner`` is what becomes of notifications here and now.
    """
    handlers = default_handlers(config)
    if handlers or config.notifiers == ():
        return handlers
    if manner == "live":
        once(nobody(config))
        return ()
    return default_handlers(attrs.evolve(config, notifiers=("slack",)))
