"""An effect as a JSON object: whom it addresses, the sentence that a phone shows, and the payload exactly as it would be sent.

The same object is in a preview that goes through a pipe, in ``tocsin preview --json`` and in the deliveries of ``tocsin run --json``.
"""

from collections.abc import Sequence

from tocsin.core.attachments import Attachment
from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.rendering import content_of
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.slack import posting
from tocsin.core.text import name_of, one_line


def sentence_of(message: Message) -> str:
    """Return the message as one sentence; of one that was made by hand, the sentence that it shows.

    >>> from tocsin.core.changes import Key
    >>> from tocsin.effects import SlackMessage
    >>> by_hand = SlackMessage("1 &lt; 2", "#eb0000", "Failed", "load is now in a Failed state")
    >>> sentence_of(PostToSlack("SLACK_WEBHOOK_URL", by_hand, Key("r1", "load", None, 0, 0)))
    '1 < 2'
    """
    content = content_of(message)
    return (digest_content(content) if isinstance(content, DigestSummary) else content).sentence


def effect_json(effect: Effect) -> dict[str, object]:
    """Return the effect as a JSON object. Of an attachment it has the name, the type and the size, not the bytes.

    Returns:
        ``kind`` (``slack``, ``mail``, ``callback``), ``about`` (the name in the run), ``key``, ``to`` (the destination, by the names of
        secrets), ``sentence``, ``payload`` and ``attachments``. A call of a function has neither destination, sentence nor payload; it
        has ``calls``, the name of the function.

    >>> from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
    >>> with interpreting(Recording()) as recording:
    ...     state = slack_notifier(Task("load"), Running(), Failed("disk full"))
    >>> found = effect_json(recording.effects[0])
    >>> found["kind"], found["to"], found["sentence"]
    ('slack', 'Slack (SLACK_WEBHOOK_URL)', 'load failed: disk full')
    """
    common: dict[str, object] = {"about": effect.key.slug, "key": str(effect.key)}
    if isinstance(effect, CallBack):
        nothing: dict[str, object] = {"to": None, "sentence": None, "payload": None, "attachments": []}
        return {"kind": "callback", **common, **nothing, "calls": one_line(name_of(effect.fn))}
    kind, payload = ("slack", _post(effect)) if isinstance(effect, PostToSlack) else ("mail", _mail(effect))
    attached = effect.attachments if isinstance(effect, PostToSlack) else effect.mail.attachments
    whom = {"to": str(destination(effect)), "sentence": sentence_of(effect)}
    return {"kind": kind, **common, **whom, "payload": payload, "attachments": _files(attached)}


def _post(effect: PostToSlack) -> object:
    from json import loads  # seldom needed, and slow to load

    if effect.bot is not None:
        return dict(posting(effect.bot.channel, effect.payload))
    posted: object = loads(effect.payload.to_json())
    return posted


def _mail(effect: SendEmail) -> dict[str, object]:
    mail, account = effect.mail, f"<{effect.username_secret}>"
    return {
        "date": mail.at.isoformat(),
        "from": account,
        "to": [account] if mail.recipients is None else list(mail.recipients),
        "cc": list(mail.cc),
        "subject": mail.subject,
        "text": mail.plain,
        "html": mail.html,
    }


def _files(attached: Sequence[Attachment]) -> list[dict[str, object]]:
    return [{"name": one.name, "media_type": one.media_type, "size": one.size} for one in attached]
