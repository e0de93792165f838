"""Whom a message mentions on Slack: people and groups by their ids, or those of the channel.

- A mention is the only markup that ever leaves. So a value that is none is refused where it is written, and by each class that holds
  mentions.
- A refusal repeats no value, since it may be a misplaced secret, but for an id or a word that is recognised in it.
"""

import re
from collections.abc import Iterable
from typing import TypeGuard

MOST_MENTIONS = 10
"""The most mentions of one message."""
EVERYONE = ("here", "channel", "everyone")
"""The mentions that are no ids: those of a channel who are active, all of a channel, all of a workspace."""

_ID = r"[USW](?=[A-Z]*[0-9])[A-Z0-9]{2,29}|[USW][A-Z0-9]{8,29}"  # a short one needs a digit: SRE and WEB are names
_WORD = "|".join(EVERYONE)
_MENTION = re.compile(f"{_ID}|{_WORD}")
_MEANT = re.compile(rf"<?(?:@|!subteam\^)?({_ID})(?:\|[^>]*)?>?|<?[@!]?((?i:{_WORD}))>?")
_HOW_TO_FIND = (
    "write the id that Slack copies from the person's profile ('Copy member ID', such as 'U0123ABCD') or from the user group's"
    " ('S0123ABCD'), or one of 'here', 'channel', 'everyone'"
)


def is_mention(value: object) -> TypeGuard[str]:
    """Return whether a value is whom a message can mention. A text of a class of its own, which may lie, is none.

    >>> [is_mention(value) for value in ("U0123ABCD", "S0123ABCD", "here", "@anna", "<@U0123ABCD>", "SRE")]
    [True, True, True, False, False, False]
    """
    return type(value) is str and _MENTION.fullmatch(value) is not None


def mention_hint(value: object) -> str:
    """Return what to write in place of a value that is no mention.

    >>> mention_hint("<@U0123ABCD>"), mention_hint("@Here")
    ("write 'U0123ABCD'", "write 'here'")
    """
    meant = _MEANT.fullmatch(value) if isinstance(value, str) else None
    if meant is None:
        return _HOW_TO_FIND
    return f"write {meant[1] or meant[2].lower()!r}"


def union(mentions: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the mentions of several messages as those of one: each once, in order, and at most ``MOST_MENTIONS``.

    >>> union([("U0123ABCD",), (), ("here", "U0123ABCD")])
    ('U0123ABCD', 'here')
    """
    return tuple(dict.fromkeys([who for some in mentions for who in some]))[:MOST_MENTIONS]


def are_mentions(_: object, __: object, values: tuple[str, ...]) -> None:
    """Check the mentions of a message, as a validator of attrs: one made by hand, or read from a file, has no other markup.

    Raises:
        ValueError: one of the values is no mention.
    """
    for number, value in enumerate(values, 1):
        if not is_mention(value):
            raise ValueError(f"item {number} of mentions is no id on Slack: {mention_hint(value)}")
