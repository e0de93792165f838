"""The default of all that runs, composed: ``Background(Digest(RateLimited(Retrying(Live()))))``.

Read from the inside: it is sent, and again where that may help; no faster than the other side takes it; folded where too much waits;
and nobody waits for any of it. With an outbox, nothing of it is lost where the process dies: ``Outbox(RateLimited(Retrying(Live())))``.
"""

from typing import TYPE_CHECKING

import attrs

from tocsin.core.delivery.destinations import Channel
from tocsin.core.delivery.rate_limit import SLACK, Rate
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.messages.text import quote
from tocsin.core.outcomes import Rejected
from tocsin.shell import log
from tocsin.shell.interpreters.background import AfterFork, Background
from tocsin.shell.interpreters.base import Interpreter
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.fallback import Fallback
from tocsin.shell.interpreters.outbox import Outbox
from tocsin.shell.interpreters.rate_limited import RateLimited
from tocsin.shell.interpreters.rendered import ByMail, BySlack
from tocsin.shell.interpreters.retrying import Retrying
from tocsin.shell.outbox.errors import OutboxError

if TYPE_CHECKING:  # a program that composes nothing need not load it
    from tocsin.core.config.schema import Configuration


def reliable(
    inner: Interpreter | None = None,
    *,
    fallback: Interpreter | Channel | None = None,
    policy: RetryPolicy | None = None,
    slack: Rate = SLACK,
    gmail: Rate | None = None,
    threshold: int = 10,
    min_interval: float = 10.0,
    max_queue: int | None = None,
    exit_timeout: float | None = None,
    after_fork: AfterFork = "wait",
    outbox: bool | str | None = None,
) -> Background | Outbox:
    """An interpreter that neither floods, nor blocks, nor gives up: that of flows, of ``watch`` and of ``tocsin exec``.

    None is: as the configuration says.

    Args:
        inner: what sends.
        fallback: what sends where ``inner`` cannot: ``"gmail"`` or ``"slack"``, that channel by the same sender, as configured; or an
            interpreter, which is paced and tries again likewise.
        policy: how often a message is tried, and for how long.
        slack: how fast messages may go to one Slack destination.
        gmail: how fast mails may go from one account.
        threshold: how many messages to one destination may wait before they are folded into a digest.
        min_interval: how far digests to one destination are apart at least, in seconds.
        max_queue: how many messages may be queued for one destination; an outbox has room for all.
        exit_timeout: how long a program waits at its end for what is not sent yet, in seconds.
        after_fork: what a forked child does: "wait" for each message, or "queue" it; with an outbox, both keep it.
        outbox: whether messages are kept in a database until they are sent; or its URL. What an earlier process left there is sent
            from now on, in the background.

    Raises:
        TypeError, ValueError: an option makes no sense; ``OutboxError``, a ValueError, where there can be no such outbox.

    >>> from tocsin import Flow, Recording, reliable, slack_notifier
    >>> report = Flow("idle", state_handlers=[slack_notifier]).run(interpreter=reliable(Recording()))
    >>> [delivery.outcome for delivery in report.wait().deliveries]
    [Withheld(reason='recorded'), Withheld(reason='recorded')]
    """
    from tocsin.shell.config.load import configuration  # which a program that composes nothing need not load

    config = configuration()
    exit_timeout = config.delivery.exit_timeout if exit_timeout is None else exit_timeout
    sends = chain(config, inner, fallback, policy=policy, slack=slack, gmail=gmail)
    if outbox or (outbox is None and config.delivery.outbox):
        try:
            return _kept(
                Outbox(
                    sends,
                    outbox if isinstance(outbox, str) else _url(config),
                    threshold=threshold,
                    min_interval=min_interval,
                    exit_timeout=exit_timeout,
                )
            )
        except OutboxError as fault:
            if outbox is not None:
                raise
            log.once(f"messages are not kept in an outbox, though delivery.outbox says so: {fault}")
    return Background(
        Digest(sends, threshold, min_interval),
        max_queue=config.delivery.max_queue if max_queue is None else max_queue,
        exit_timeout=exit_timeout,
        after_fork=after_fork,
    )


def chain(
    config: "Configuration",
    inner: Interpreter | None = None,
    fallback: Interpreter | Channel | None = None,
    *,
    policy: RetryPolicy | None = None,
    slack: Rate = SLACK,
    gmail: Rate | None = None,
) -> Interpreter:
    """What sends one message, in line: it is paced, tried again, and sent by another channel where its own fails."""
    from tocsin.shell.config import defaults

    def trusted(sender: Interpreter) -> Interpreter:
        if isinstance(sender, ByMail | BySlack):  # what comes out of it is what is to be paced
            return attrs.evolve(sender, inner=trusted(sender.inner))
        return first if sender is sends else RateLimited(Retrying(sender, tried), slack, mails)

    if isinstance(fallback, str) and fallback not in {"gmail", "slack"}:
        either = "fallback is 'gmail', 'slack' or an interpreter"
        raise TypeError(f"{either}, and {quote(fallback)} is none: write DryRun(), Recording() or Live()")
    tried = defaults.policy(config) if policy is None else policy
    mails = defaults.mails(config) if gmail is None else gmail
    sends = defaults.live(config) if inner is None else inner
    first: Interpreter = RateLimited(Retrying(sends, tried), slack, mails)
    second: Interpreter | None = None
    if isinstance(fallback, str):
        second = defaults.fallback(config, sends, fallback)
    elif fallback is not None:
        second = fallback
    elif inner is None:
        second = defaults.fallback(config, sends)
    return first if second is None else Fallback(first, trusted(second))


def _kept(outbox: Outbox) -> Outbox:
    outbox.attend()
    return outbox


def _url(config: "Configuration") -> str | None:
    from tocsin.shell.config import defaults

    url = defaults.outbox_url(config)
    if isinstance(url, Rejected):
        raise OutboxError(f"the URL of the outbox is not found: {url.reason}")
    return url
