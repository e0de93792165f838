"""An app of Slack's, which speaks: it posts a message, or replies, and lets the first message of the run show where the run stands.

What counts is the message itself. That the first one of its run could not be edited is said in the log, and is no failure.
"""

import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import attrs

from tocsin.core.delivery.slack_threads import Post, Thread, edited, opened, planned, sealed
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.messages.slack import editing, posting
from tocsin.core.messages.text import one_line
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Rejected, Retryable
from tocsin.core.services.slack_api import alone, bot_reply, posted_as, token_fault
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import SystemClock
from tocsin.shell.adapters.http import Transport, in_seconds
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.adapters.thread_cache import Place, ThreadCache
from tocsin.shell.fork_safety import PerProcess
from tocsin.shell.log import logger

if TYPE_CHECKING:
    from tocsin.shell.adapters.slack_client import Call


@attrs.frozen
class AppConnection:
    """How the app is reached: the adapter, its connections, and what it knows."""

    network: SlackWebhook
    kept: PerProcess[Transport]
    conversations: ThreadCache


@attrs.frozen
class _Answer:
    """What a call came to, and the words of the answer, if there was one."""

    outcome: Outcome
    body: Mapping[str, object] = attrs.field(factory=dict[str, object])


@attrs.frozen
class _Speech:
    """One message on its way; ``ends`` is when it has to be there, of ``time.monotonic``."""

    line: AppConnection
    token: Secret
    bot: Bot
    message: PostToSlack
    ends: float

    @property
    def place(self) -> Place:
        return self.token, self.bot.channel, self.message.key.run_id

    def post(self, channel: str, ts: str | None = None) -> _Answer:
        """Post the message in a channel, or as a reply."""
        arguments = posting(channel, self.message.payload, ts)
        return self._asked(self.ends - time.monotonic(), lambda client: client.chat_postMessage(**arguments))

    def edit(self, thread: Thread) -> _Answer:
        """Show the message in the parent of a thread, if there is time left."""
        arguments = editing(thread.channel, thread.ts, self.message.payload, thread.kept)
        seconds = min(self.ends - time.monotonic(), time_limits.seconds_left())
        return self._asked(seconds, lambda client: client.chat_update(**arguments))

    def _asked(self, seconds: float, call: "Call") -> _Answer:
        from tocsin.shell.adapters.slack_client import called

        response = called(self.line.network, self.line.kept, self.token, seconds, call)
        if isinstance(response, DeliveryError):
            return _Answer(response)
        words = {name: redact(str(response.data[name])) for name in ("error", "needed") if name in response.data}
        body = {**response.data, **words}
        later = in_seconds(response.headers.get("retry-after"), SystemClock().now())
        return _Answer(bot_reply(response.status_code, body, later), body)


def speak(line: AppConnection, token: Secret, bot: Bot, message: PostToSlack) -> Outcome:
    """Say a message as the app, and say what became of it."""
    fault = token_fault(token.reveal())
    if fault is not None:
        return Rejected(f"the token in the secret {token.name!r} is refused: {fault}")
    if find_spec("slack_sdk") is None:
        return Rejected("to post to Slack as an app needs the extra: pip install 'tocsin[slack-bot]'")
    limit = line.network.deadline
    speech = _Speech(line, token, bot, message, time.monotonic() + limit)
    with line.conversations.turn(speech.place, min(limit, time_limits.seconds_left())) as ours:
        return _spoken(speech) if ours else Retryable("the message of the same run before it is still on its way to Slack")


def _spoken(speech: _Speech) -> Outcome:
    step = planned(speech.line.conversations.known(speech.place), speech.message)
    if isinstance(step, Post):
        return _begun(speech)
    answer = speech.post(step.thread.channel, step.thread.ts)
    if alone(answer.body):
        speech.line.conversations.drop(speech.place)
        return _begun(speech)
    if isinstance(answer.outcome, Delivered):
        speech.line.conversations.keep(speech.place, _shown(speech, step.thread) if step.edit else step.thread)
    return answer.outcome


def _begun(speech: _Speech) -> Outcome:
    """Post the message as the first of its run."""
    answer = speech.post(speech.bot.channel)
    ids = posted_as(answer.body)
    if isinstance(answer.outcome, Delivered) and ids is not None:
        speech.line.conversations.keep(speech.place, opened(speech.message, *ids))
    return answer.outcome


def _shown(speech: _Speech, thread: Thread) -> Thread:
    """What is known of the thread once its parent was to show the message."""
    outcome = speech.edit(thread).outcome
    if not isinstance(outcome, DeliveryError):
        return edited(thread, speech.message.key)
    what = f"the first message of the run {speech.message.key.run_id} in {speech.bot.channel}"
    logger.warning("%s", redact(one_line(f"tocsin: {what} does not show its newest state, which is in its thread: {outcome.reason}")))
    return thread if isinstance(outcome, Retryable | Ambiguous) else sealed(thread)
