"""What a message says that the author of a run words: the text, and the state of the run, which it does not change.

- The sentence is the name and the first line of the text. If that is not the whole text, a field has the whole of it. So nothing is
  said twice.
- A text of several lines is set as code, since it may be the output of a program.
- The base class ``State`` stands for no state: then the title is the name, and no headline tells of a state.
"""

from tocsin.core.changes import Change
from tocsin.core.events import Said
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line, fact_lines, headline, is_blank, name_in
from tocsin.core.states import Failed, State
from tocsin.core.text import one_line, printable


def compose_said(change: Change, said: Said, link: str | None = None) -> Content:
    """Return the content of the message that says a text.

    Args:
        change: the run's state, as the old and the new one.
        said: what was said.
        link: the URL behind the title.

    >>> from datetime import UTC, datetime
    >>> from tocsin.core.states import Running
    >>> from tocsin.flows.task import Task
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> change = Change(Task("load"), Running(), Running(), at, "r1", "load")
    >>> compose_said(change, Said(at, text="3 of 7 files are read")).sentence
    'load: 3 of 7 files are read'
    """
    shown = change.new if said.state is None else said.state
    name, text, kind = name_in(change), printable(said.text).strip(), type(shown).__name__
    subject = name if said.verb is None else f"{name} {said.verb}"
    opening, rest = (subject, f": {text}" if text else "") if said.named else ("", text)
    several = "\n" in text
    is_whole = not several and len(one_line(f"{opening}{rest}")) <= SENTENCE_LIMIT
    lines = [*([] if is_whole else [Line("Message", text, quoted=several)]), *fact_lines(change)]
    is_stateless = type(shown) is State
    return Content(
        name=name,
        opening=opening,
        headline="" if is_stateless else headline(name, kind),
        state=name if is_stateless else kind,
        failed=isinstance(shown, Failed),
        color=shown.color,
        at=change.at,
        lines=tuple([line for line in lines if not is_blank(line.text)]),
        link=link,
        rest=rest,
        attachments=change.facts.attachments,
        said=True,
    )
