"""``ByMail`` and ``BySlack``: send a message by another channel than its own, as a fallback or in addition to it.

The message keeps its content. One that was made by hand is searched for secrets before its text becomes a content. A call of a user
function is no message and is passed on unchanged. An edit is withheld, since the message that it edits went another way. Rate limits
and retries belong inside these interpreters, where they see the real destination.
"""

import attrs
from typing_extensions import override

from tocsin.core import options
from tocsin.core.delivery.fallback import as_mail, as_slack
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import Bot, CallBack, Effect, is_edit
from tocsin.core.outcomes import Outcome, Withheld
from tocsin.shell.interpreter import Wrapper, execute
from tocsin.shell.redaction import redact

_NO_EDIT = Withheld("the message that it edits went another way")


@attrs.frozen(eq=False)
class ByMail(Wrapper):
    """Passes each message to ``inner`` as a mail from the account in the secrets ``EMAIL_USERNAME`` and ``EMAIL_PASSWORD``.

    A message that is a mail already keeps its text and goes to these recipients instead.

    Args:
        inner: the interpreter that sends it.
        to: a list of 1 to 100 addresses; None means the account itself.
        cc: a list of addresses for Cc.

    Raises:
        TypeError: ``inner`` is no interpreter, or is a queueing one; or ``to`` or ``cc`` is no list. The message says what to write.
        ValueError: an address is invalid.

    >>> import tocsin
    >>> with tocsin.interpreting(ByMail(tocsin.Recording(), to=["ops@example.com"])) as by_mail:
    ...     state = tocsin.slack_notifier(tocsin.Task("load"), tocsin.Running(), tocsin.Failed("disk full"))
    >>> by_mail.inner.effects[0].mail.subject
    'load failed: disk full'
    """

    to: tuple[str, ...] | None = attrs.field(default=None, converter=options.recipients, kw_only=True)
    cc: tuple[str, ...] = attrs.field(default=None, converter=options.copies, kw_only=True)

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        if isinstance(effect, CallBack):
            return execute(self.inner, effect)
        if is_edit(effect):
            return _NO_EDIT
        return execute(self.inner, as_mail(redacted_message(effect, redact), self.to, self.cc))


@attrs.frozen(eq=False)
class BySlack(Wrapper):
    """Passes each message to ``inner`` as a post to the incoming webhook whose URL is the secret named ``webhook_secret``.

    With both ``token_secret`` and ``channel``, it is a post by the app with that token to that channel, and needs no webhook. A message
    that is a post to Slack already keeps its text and goes there instead.

    Args:
        inner: the interpreter that sends it.
        webhook_secret: the name of a secret; None means ``SLACK_WEBHOOK_URL``.
        token_secret: the name of a secret.
        channel: a channel's name, like ``#ops``, or its id.

    Raises:
        TypeError: ``inner`` is no interpreter, or is a queueing one. The message says what to write.
        ValueError: a URL or token is given in place of the name of its secret; the channel is invalid; one of ``token_secret`` and
            ``channel`` is given without the other.
    """

    webhook_secret: str = attrs.field(default=None, converter=options.webhook_secret, kw_only=True)
    token_secret: str | None = attrs.field(default=None, converter=options.token_secret, kw_only=True)
    channel: str | None = attrs.field(default=None, converter=options.channel, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if (self.token_secret is None) != (self.channel is None):
            missing = "token_secret='SLACK_BOT_TOKEN'" if self.token_secret is None else "channel='#ops'"
            raise ValueError(f"to post to Slack as an app takes a token and a channel: add {missing} to BySlack(...)")

    @property
    def bot(self) -> Bot | None:
        """The app that posts; None if a webhook does."""
        return None if self.token_secret is None or self.channel is None else Bot(self.token_secret, self.channel)

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        if isinstance(effect, CallBack):
            return execute(self.inner, effect)
        if is_edit(effect):
            return _NO_EDIT
        return execute(self.inner, as_slack(redacted_message(effect, redact), self.webhook_secret, self.bot))
