"""The default of all that runs, composed: ``Background(Digest(Paced(Retrying(Live()))))``.

Read from the inside: it is sent, and again where that may help; no faster than the other side takes it; folded where too much waits;
and nobody waits for any of it.
"""

import attrs

from tocsin.core.delivery.pace import SLACK, Rate
from tocsin.core.delivery.routes import Channel
from tocsin.core.delivery.schedule import RetryPolicy
from tocsin.core.messages.text import quote
from tocsin.shell.interpreters.background import AfterFork, Background
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.fallback import Fallback
from tocsin.shell.interpreters.paced import Paced
from tocsin.shell.interpreters.protocol import Interpreter
from tocsin.shell.interpreters.retrying import Retrying
from tocsin.shell.interpreters.translated import ByMail, BySlack


def reliable(
    inner: Interpreter | None = None,
    *,
    fallback: Interpreter | Channel | None = None,
    policy: RetryPolicy | None = None,
    slack: Rate = SLACK,
    gmail: Rate | None = None,
    most: int = 10,
    apart: float = 10.0,
    size: int | None = None,
    patience: float | None = None,
    after_fork: AfterFork = "wait",
) -> Background:
    """An interpreter that neither floods, nor blocks, nor gives up: that of flows, of ``watch`` and of ``tocsin exec``.

    None is: as the configuration says.

    Args:
        inner: what sends.
        fallback: what sends where ``inner`` cannot: ``"gmail"`` or ``"slack"``, that channel by the same sender, as configured; or an
            interpreter, which is paced and tries again likewise.
        policy: how often a message is tried, and for how long.
        slack: how fast messages may go to one Slack destination.
        gmail: how fast mails may go from one account.
        most: how many messages to one destination may wait before they are folded into a digest.
        apart: how far digests to one destination are apart at least, in seconds.
        size: how many messages may be queued for one destination.
        patience: how long a program waits at its end for what is not sent yet, in seconds.
        after_fork: what a forked child does: "wait" for each message, or "queue" it.

    Raises:
        TypeError, ValueError: an option makes no sense.

    >>> from tocsin import Flow, Recording, reliable, slack_notifier
    >>> report = Flow("idle", state_handlers=[slack_notifier]).run(interpreter=reliable(Recording()))
    >>> [delivery.outcome for delivery in report.wait().deliveries]
    [Withheld(reason='recorded'), Withheld(reason='recorded')]
    """
    from tocsin.shell.config import defaults  # which a program that composes nothing need not load
    from tocsin.shell.config.load import configuration

    config = configuration()
    tried = defaults.policy(config) if policy is None else policy
    mails = defaults.mails(config) if gmail is None else gmail

    def trusted(sender: Interpreter) -> Interpreter:
        if isinstance(sender, ByMail | BySlack):  # what comes out of it is what is to be paced
            return attrs.evolve(sender, inner=trusted(sender.inner))
        return first if sender is sends else Paced(Retrying(sender, tried), slack, mails)

    if isinstance(fallback, str) and fallback not in {"gmail", "slack"}:
        either = "fallback is 'gmail', 'slack' or an interpreter"
        raise TypeError(f"{either}, and {quote(fallback)} is none: write DryRun(), Recording() or Live()")
    sends = defaults.live(config) if inner is None else inner
    first: Interpreter = Paced(Retrying(sends, tried), slack, mails)
    second: Interpreter | None = None
    if isinstance(fallback, str):
        second = defaults.fallback(config, sends, fallback)
    elif fallback is not None:
        second = fallback
    elif inner is None:
        second = defaults.fallback(config, sends)
    return Background(
        Digest(first if second is None else Fallback(first, trusted(second)), most, apart),
        size=config.delivery.queue if size is None else size,
        patience=config.delivery.patience if patience is None else patience,
        after_fork=after_fork,
    )
