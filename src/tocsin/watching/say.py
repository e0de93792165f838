"""``say``: sends a text by hand, to all that is configured or to one channel."""

from collections.abc import Iterable, Sequence
from typing import Literal

import attrs

from tocsin.core import options
from tocsin.core.events import Facts, Said
from tocsin.core.machine import Run, StateHandler, Subject
from tocsin.core.messages.content import is_blank
from tocsin.core.states import State
from tocsin.core.text import quote, worded
from tocsin.core.validation import is_iterable, is_list
from tocsin.flows.task import checked_name
from tocsin.shell import log
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.additions.attached_files import AttachedFiles, read
from tocsin.shell.additions.files import Source
from tocsin.shell.announce import facts
from tocsin.shell.current import current_of_runs
from tocsin.shell.environment import run_id
from tocsin.shell.handlers.attach import attached
from tocsin.shell.redaction import redact
from tocsin.shell.report import DeliveryLog, RunReport
from tocsin.watching.emit import feed, log_failure, new_announcer, program_name
from tocsin.watching.excepthook import Program
from tocsin.watching.recipients import Handlers, default_recipients

Channel = Literal["slack", "gmail"]
_CHANNELS = ("slack", "gmail")


def say(
    text: object,
    *,
    title: str | None = None,
    state: type[State] | str | None = None,
    to: Channel | Iterable[Channel] | None = None,
    link: str | None = None,
    attach: Source | Sequence[Source] | None = None,
    state_handlers: Iterable[StateHandler] | None = None,
) -> RunReport:
    """Send a text now, to all that is configured.

    Each notifier sends one message, whatever its ``only_states``, ``ignore_states`` and ``when``. A blank text sends nothing. A message
    that cannot be delivered is logged, and on the report; it is not raised.

    Args:
        text: the text, or any other value, whose ``str`` is sent.
        title: what the text is about; it stands before the text. None names the program, in the title of the message alone.
        state: the state that the message shows by its title and its colour, a State class or its name, such as ``"failed"``; None for
            no state.
        to: a channel, ``"slack"`` or ``"gmail"``, or several; None for all that is configured.
        link: the target of the message's title, an http(s) URL.
        attach: a file to attach, or a list of several: a path, bytes or a figure each. They are not searched for secrets. A message
            holds 20 files of 10 MB in all, and names what goes beyond.
        state_handlers: the notifiers that send the message, in place of the configured ones.

    Returns:
        The report, which says what became of each message; a queued one gets its outcome later, and ``report.wait()`` waits for that.

    Raises:
        TypeError: an argument is invalid.

    >>> from tocsin import Recording, interpreting, slack_notifier
    >>> with interpreting(Recording()) as recording:
    ...     report = say("the disk is nearly full", title="db-1", state="failed", state_handlers=[slack_notifier])
    >>> recording.effects[0].payload.fallback
    'db-1: the disk is nearly full'
    """
    named, kind, own = None if title is None else checked_name(title), options.state_kind(state), _own_handlers(to, state_handlers)
    shown = None if kind is None else kind()
    options.title_link(link, "link")
    channels = None if to is None else _channels(to)
    name = redact(program_name() if named is None else named)
    log_, identity = DeliveryLog(current_of_runs()), run_id()
    nothing = RunReport(name, identity, State(), (), log_, ())
    try:
        words = worded(text)
        if is_blank(words):
            return nothing
        handlers = _configured(channels) if own is None else own
        known = attrs.evolve(_with_files(facts(), attach, name), link=link)
        said = Said(CLOCK.now(), text=redact(words), state=shown, named=named is not None, facts=known)
        announcer = new_announcer(handlers, known)
        feed(announcer, Run(Subject(Program(name), handlers, identity, name, shows_run_id=False), State()), said)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        log_failure(error, name)
        return nothing
    return RunReport(name, identity, State(), tuple(announcer.announced), announcer.log, tuple(announcer.faults))


def _own_handlers(to: object, state_handlers: Iterable[StateHandler] | None) -> Handlers | None:
    if state_handlers is None:
        return None
    if to is not None:
        raise TypeError("say takes to or state_handlers, not both: leave one of them out")
    return attached(state_handlers)


def _channels(to: object) -> tuple[Channel, ...]:
    given = [to] if isinstance(to, str) or not is_iterable(to) else list(to)
    wrong = [each for each in given if each not in _CHANNELS]
    if wrong or not given:
        raise TypeError(f"say: to takes 'slack', 'gmail' or a list of both, not {quote(wrong[0] if wrong else to)}: write to='slack'")
    return tuple(channel for channel in ("slack", "gmail") if channel in given)


def _configured(channels: tuple[Channel, ...] | None) -> Handlers:
    """Return the notifiers of these channels; None for all that are configured."""
    if channels is None:
        return default_recipients().handlers
    from tocsin.shell.config.defaults import notifier
    from tocsin.shell.config.load import configuration

    return tuple(notifier(configuration(), channel) for channel in channels)


def _with_files(known: Facts, attach: object, name: str) -> Facts:
    """Return the facts with the files. What cannot be attached is a line in the log, and named in the message."""
    if attach is None:
        return known
    files = AttachedFiles()
    for source in attach if is_list(attach) else [attach]:
        if (refused := files.add(read(source, None, files.room))) is not None:
            log.surely(f"not attached to the message of {quote(name)}: {refused}")
    return attrs.evolve(known, details=files.details(), attachments=files.attachments())
