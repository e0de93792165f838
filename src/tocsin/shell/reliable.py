"""``reliable``: composes the default interpreter of runs, ``Background(Digest(RateLimited(Retrying(Live()))))``.

From the inside out: it sends, retries, keeps to rate limits, folds storms into digests, and does all that in the background. With an
outbox, ``Outbox(RateLimited(Retrying(Live())))``, no message is lost if the process dies.
"""

from typing import TYPE_CHECKING

import attrs

from tocsin.core.delivery.destinations import Channel
from tocsin.core.delivery.digest import MIN_INTERVAL, THRESHOLD
from tocsin.core.delivery.rate_limit import SLACK, Rate
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outcomes import Rejected
from tocsin.core.text import quote
from tocsin.shell import log
from tocsin.shell.errors import OutboxError
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.interpreters.background import AfterFork, Background
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.fallback import Fallback
from tocsin.shell.interpreters.outbox import Outbox
from tocsin.shell.interpreters.rate_limited import RateLimited
from tocsin.shell.interpreters.rendered import ByMail, BySlack
from tocsin.shell.interpreters.retrying import Retrying

if TYPE_CHECKING:  # slow to load; only ``reliable`` needs it
    from tocsin.core.config.schema import Configuration


def reliable(
    inner: Interpreter | None = None,
    *,
    fallback: Interpreter | Channel | None = None,
    policy: RetryPolicy | None = None,
    slack: Rate = SLACK,
    gmail: Rate | None = None,
    threshold: int = THRESHOLD,
    min_interval: float = MIN_INTERVAL,
    max_queue: int | None = None,
    exit_timeout: float | None = None,
    after_fork: AfterFork = "wait",
    outbox: bool | str | None = None,
) -> Background | Outbox:
    """Return the default interpreter of flows, ``watch`` and ``tocsin exec``: it limits rates, retries and sends in the background.

    An option that is None takes the configured value.

    Args:
        inner: the interpreter that sends.
        fallback: what sends if ``inner`` fails: ``"gmail"`` or ``"slack"`` for that channel by the same sender, as configured; or an
            interpreter, which gets rate limits and retries, too.
        policy: how often and for how long a message is tried.
        slack: the rate limit of one Slack destination.
        gmail: the rate limit of one mail account.
        threshold: the number of messages to one destination that may wait before they are folded into a digest.
        min_interval: minimum seconds between two digests to one destination.
        max_queue: the number of messages that may be queued for one destination; an outbox has no such limit.
        exit_timeout: seconds that a program waits at exit for unsent messages.
        after_fork: what a forked child does: "wait" for each message, or "queue" it; with an outbox, both store it.
        outbox: whether messages are stored in a database until they are sent; or its URL. Messages that an earlier process left there
            are sent in the background, too.

    Raises:
        TypeError, ValueError: an option is invalid. ``OutboxError``, a ValueError, if the outbox cannot be made.

    >>> from tocsin import Flow, Recording, reliable, slack_notifier
    >>> report = Flow("idle", state_handlers=[slack_notifier]).run(interpreter=reliable(Recording()))
    >>> [delivery.outcome for delivery in report.wait().deliveries]
    [Withheld(reason='recorded'), Withheld(reason='recorded')]
    """
    from tocsin.shell.config.load import configuration  # slow to load; only ``reliable`` needs it

    config = configuration()
    exit_timeout = config.delivery.exit_timeout if exit_timeout is None else exit_timeout
    sender = chain(config, inner, fallback, policy=policy, slack=slack, gmail=gmail)
    if outbox or (outbox is None and config.delivery.outbox):
        try:
            url = outbox if isinstance(outbox, str) else outbox_url(config)
            stored = Outbox(sender, url, threshold=threshold, min_interval=min_interval, exit_timeout=exit_timeout)
            stored.attend()
        except OutboxError as error:
            if outbox is not None:
                raise
            log.once(f"messages are not stored in an outbox, though delivery.outbox is set: {error}")
        else:
            return stored
    return Background(
        Digest(sender, threshold, min_interval),
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
    """Return the interpreter that sends one message synchronously, with rate limits, retries and the fallback."""
    from tocsin.shell.config import defaults

    def with_retries(sender: Interpreter) -> Interpreter:
        if isinstance(sender, ByMail | BySlack):  # rate limits and retries go inside, where the real destination is known
            return attrs.evolve(sender, inner=with_retries(sender.inner))
        return first if sender is main else RateLimited(Retrying(sender, retries), slack, mail_rate)

    if isinstance(fallback, str) and fallback not in {"gmail", "slack"}:
        either = "fallback is 'gmail', 'slack' or an interpreter"
        raise TypeError(f"{either}, and {quote(fallback)} is none: write DryRun(), Recording() or Live()")
    retries = defaults.policy(config) if policy is None else policy
    mail_rate = defaults.mails(config) if gmail is None else gmail
    main = defaults.live(config) if inner is None else inner
    first: Interpreter = RateLimited(Retrying(main, retries), slack, mail_rate)
    if isinstance(fallback, str) or (fallback is None and inner is None):
        fallback = defaults.fallback(config, main, fallback)
    return first if fallback is None else Fallback(first, with_retries(fallback))


def outbox_url(config: "Configuration") -> str | None:
    """Return the configured URL of the outbox; None for the file in the user's state folder.

    Raises:
        OutboxError: the secret that holds the URL is not found.
    """
    from tocsin.shell.config import defaults

    name = config.delivery.outbox_secret
    url = None if name is None else defaults.secrets(config).find(name)
    if isinstance(url, Rejected):
        raise OutboxError(f"the URL of the outbox is not found: {url.reason}")
    return None if url is None else url.reveal()
