"""Whom to tell of a command, of what, and by which means: the configuration, with the options over it."""

import os
import re
import sys

import attrs

from tocsin.cli.exec.options import Options
from tocsin.core.atoms import entered, final_attempt
from tocsin.core.config.configuration import Configuration
from tocsin.core.filters import Filter
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.outcomes import Rejected
from tocsin.core.pings import Pinger
from tocsin.core.policies.on_change import on_change
from tocsin.core.states import KINDS, Finished, State
from tocsin.shell import log
from tocsin.shell.adapters import redaction
from tocsin.shell.adapters.ping import Ping
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.config.defaults import secrets, webhook
from tocsin.shell.config.names import secret_names
from tocsin.shell.config.usual import usual_handlers
from tocsin.shell.inherited import NAME, misspelt, override
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.interpreters.protocol import Interpreter, Notify
from tocsin.shell.interpreters.reliable import reliable
from tocsin.shell.interpreters.silent import Silent

_TELLING = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY|_KEY$|_DSN$|DATABASE_URL$", re.IGNORECASE)
_NAMING = re.compile(r"TOCSIN_\w+_SECRET$")  # of ours: what it holds is a name
_SHORTEST = 6  # characters; shorter values would garble a message, and protect little

_UNFOLLOWED = final_attempt | ~entered(Finished)
"""An attempt after which another is made is no news."""


def manner(options: Options) -> Notify:
    """What becomes of notifications; what the environment asks of a live run comes first."""
    return override() or "live" if options.notify == "live" else options.notify


def interpreter(options: Options) -> Interpreter:
    """By which means they are told; what is only shown goes to standard error, since standard output is the command's."""
    here = manner(options)
    if here == "live":
        return reliable()
    if here == "print":
        return Silent("there is no standard error to show it on") if sys.stderr is None else DryRun(sys.stderr)
    return Silent() if options.notify == "none" else _silenced()


def _silenced() -> Silent:
    """Nothing is sent, since the environment says so; one who misspelt it is told."""
    wrong = misspelt()
    if wrong is not None:
        log.once(f"{wrong}: nothing is sent")
    return Silent(f"{NAME} says so")


def handlers(options: Options, config: Configuration) -> tuple[Notifier, ...]:
    """The handlers of a run: the notifiers of the configuration, and the dead-man service."""
    usual = usual_handlers(config, manner(options))
    ping = None if options.ping is None else _pinger(options.ping, config)
    return (*(_narrowed(notifier, options) for notifier in usual), *([] if ping is None else [ping]))


def know_secrets(config: Configuration) -> None:
    """Have all secrets known that we can find, and what the environment holds under the name of one, so that none is shown."""
    for name in secret_names():
        secrets(config).find(name)
    for name, value in os.environ.items():
        if _TELLING.search(name) and len(value) >= _SHORTEST and not name.endswith("_FILE") and not _NAMING.match(name):
            redaction.remember(name, value)


def _narrowed(notifier: Messenger, options: Options) -> Messenger:
    only, ignore = _kinds(options.only), _kinds(options.ignore)
    told: Filter = _UNFOLLOWED & notifier.when
    if options.on_change or options.after is not None:
        told = told & on_change(options.after or 1, options.every)
    return attrs.evolve(
        notifier,
        only_states=only or notifier.only_states,
        ignore_states=ignore or notifier.ignore_states,
        when=told,
    )


def _kinds(names: tuple[str, ...]) -> list[type[State]]:
    return [kind for kind in KINDS if kind.__name__ in names]


def _pinger(given: str, config: Configuration) -> Pinger | None:
    url = Secret("--ping", given) if "://" in given else secrets(config).find(given)
    if isinstance(url, Rejected):
        known = "" if url.secret == given else ": write --ping https://..., or the name of a secret"  # it may hold the token itself
        log.once(f"the dead-man service is not told: {url.reason}{known}")
        return None
    return Pinger(Ping(url, webhook(config)))
