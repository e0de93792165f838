"""A message that is sent again although the first may have arrived: which is worth that, and how it says so.

Only one that tells of a failure is: to hear of a failure twice is a nuisance, to hear of it never is what the message was sent against.
"""

from tocsin.core.delivery.remarks import Remark, remarked
from tocsin.core.delivery.render import said
from tocsin.core.delivery.tally import Tally
from tocsin.core.effects import Message

MARK = "Possibly repeated:"
"""How such a message begins: on a telephone, and in the subject of a mail."""
NOTE = "No answer came to the first try, so this may be the second message about it."
"""What it says below."""

_REPEATED = Remark(MARK, NOTE)


def tells_of_failure(message: Message) -> bool:
    """Whether a message says that something failed; of several that were folded, whether one does."""
    content = said(message)
    return content.failed > 0 if isinstance(content, Tally) else content.failed


def marked(message: Message) -> Message:
    """The message, saying that it may have come before. One that says so is left as it is."""
    return remarked(message, _REPEATED)
