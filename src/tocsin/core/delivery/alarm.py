"""That messages do not arrive somewhere any more is worth a message of its own.

It is laid out for the channel of the message that met with it; whoever sends it by another one translates it, as any other.
"""

import attrs

from tocsin.core.delivery.render import laid_out, said
from tocsin.core.delivery.routes import destination
from tocsin.core.delivery.tally import Tally
from tocsin.core.effects import Message
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.text import cut, one_line
from tocsin.core.states import Failed

_NAME_LIMIT = 80
_AFTERWARDS = "Messages go by the fallback from now on."
_WHAT_TO_DO = "Replace what is in the secret, then run: tocsin check"  # short enough for a field on Slack
_WHERE_IT_RUNS = ("Host", "Environment", "Run id")


def alarm(message: Message, reason: str) -> Message:
    """What to say as the destination of a message proves to be dead, for this reason: a message of its own, with a key of its own."""
    source, key = said(message), message.key
    at, lines = (source.ended, ()) if isinstance(source, Tally) else (source.at, source.lines)
    where, why = cut(one_line(str(destination(message))), _NAME_LIMIT), one_line(reason).rstrip(".") or "nobody says why"
    content = Content(
        name=where,
        sentence=f"{where} is dead: {cut(why, _room(where))}. {_AFTERWARDS}",
        headline=f"{where} is dead. {_AFTERWARDS}",
        state="Destination dead",
        failed=True,
        color=Failed.color,
        at=at,
        lines=(
            Line("Message", why),
            Line("What to do", _WHAT_TO_DO, ours=True),
            *(line for line in lines if line.title in _WHERE_IT_RUNS),
        ),
    )
    apart = attrs.evolve(message, key=attrs.evolve(key, slug=f"{key.slug} (destination dead)"))
    return laid_out(apart, content, content)


def _room(where: str) -> int:
    """How many characters of the reason a sentence has room for."""
    return SENTENCE_LIMIT - len(f"{where} is dead: . {_AFTERWARDS}")
