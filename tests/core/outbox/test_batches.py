"""Batches of claimed rows: each row is in one batch, with its key and its annotations."""

from collections.abc import Sequence
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.fallback import as_mail, as_slack
from tocsin.core.delivery.rendering import MARK, content_of, marked_as_repeat, rerender
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outbox.batches import LATE, Batch, make_batches, message_of_row, signed
from tocsin.core.outbox.model import Row, Status, row_name

AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)
NOW = AT.timestamp()
LOAD = Content("load", "load failed", "load is now in a Failed state", "Failed", True, "#eb0000", AT, (Line("Host", "b", quoted=True),))
PEOPLE = ("a@example.com",), ("b@example.com",)

Claimed = list[tuple[Row, Message]]


def post(ordinal: int = 0, content: Content | None = LOAD) -> PostToSlack:
    """Return a post; without a content, as made by hand."""
    key = Key("run", "load", None, ordinal, 0)
    by_hand = PostToSlack("TEAM", SlackMessage("by hand", "#eb0000", "Failed", "by hand", footer="the foot"), key)
    return by_hand if content is None else attrs.evolve(by_hand, payload=laid(by_hand, content).payload, content=content)


def laid(message: PostToSlack, content: Content) -> PostToSlack:
    made = rerender(message, content, content)
    assert isinstance(made, PostToSlack)
    return made


def letter(ordinal: int = 0, content: Content | None = LOAD, to: tuple[str, ...] = PEOPLE[0]) -> Message:
    """Return a mail; without a content, as made by hand."""
    key = Key("run", "load", None, ordinal, 1)
    page = "<html><body>by hand</body></html>"
    by_hand = SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", Mail("by hand", "by hand", page, to, AT), key)
    return by_hand if content is None else rerender(by_hand, content, content)


def row_of(message: Message, *, repeated: bool = False) -> Row:
    """Return a leased row with a message."""
    row = Row.new(key=row_name(message.key), destination="any", kind=type(message).__name__, version=1, body="{}", at=NOW)
    return attrs.evolve(row, status=Status.LEASED, claim="worker-1", due=NOW + 60, attempts=1, repeated=repeated)


def head(message: Message) -> str:
    """Return what a phone shows."""
    return message.payload.fallback if isinstance(message, PostToSlack) else message.mail.subject


def bodies(message: Message) -> tuple[str, ...]:
    """Return the full text of a message, in each of its forms."""
    if isinstance(message, PostToSlack):
        return (message.payload.to_json(),)
    return message.mail.plain, message.mail.html


@st.composite
def claims(draw: st.DrawFn, most: int = 9) -> Claimed:
    """Draw the rows of one claim: to one webhook, or from one account to several people."""
    count = draw(st.integers(1, most))
    contents = st.lists(st.sampled_from([LOAD, LOAD, None]), min_size=count, max_size=count)
    if draw(st.booleans()):
        messages: list[Message] = [post(ordinal, content) for ordinal, content in enumerate(draw(contents))]
    else:
        messages = [letter(ordinal, content, draw(st.sampled_from(PEOPLE))) for ordinal, content in enumerate(draw(contents))]
    return [(row_of(message), message) for message in messages]


MOSTS = st.integers(1, 4)


@given(claims(), MOSTS)
def test_each_row_is_in_one_batch_in_its_order(claimed: Claimed, most: int) -> None:
    batched = [row for batch in make_batches(claimed, NOW, most) for row in batch.rows]
    people = {row.key: audience(message) for row, message in claimed}
    order = list(dict.fromkeys(people.values()))
    assert batched == sorted((row for row, _ in claimed), key=lambda row: order.index(people[row.key]))


@given(claims(), MOSTS)
def test_many_to_the_same_people_are_one(claimed: Claimed, most: int) -> None:
    people = {row.key: audience(message) for row, message in claimed}
    for batch in make_batches(claimed, NOW, most):
        (same,) = {people[row.key] for row in batch.rows}
        assert audience(batch.message) == same
        together = list(people.values()).count(same)
        assert len(batch.rows) == (together if together > most else 1)
        assert (batch.digest is None) is (len(batch.rows) == 1)
        assert isinstance(content_of(batch.message), DigestSummary) is (len(batch.rows) > 1)


@given(claims(), MOSTS)
def test_each_has_its_key_in_it(claimed: Claimed, most: int) -> None:
    for batch in make_batches(claimed, NOW, most):
        key = batch.digest or batch.rows[0].key
        assert all(key in body for body in bodies(batch.message))


def digests(claimed: Claimed, most: int) -> list[Batch]:
    """Return the batches that are digests."""
    return [batch for batch in make_batches(claimed, NOW, most) if batch.digest is not None]


def lost(batch: Batch, claimed: Claimed) -> Claimed:
    """Return the rows of a digest whose worker was killed, as the next worker claims them."""
    return [(attrs.evolve(row, digest=batch.digest, repeated=True), message) for row, message in claimed if row in batch.rows]


@given(claims(), st.integers(1, 2), MOSTS)
def test_what_was_lost_in_a_digest_is_sent_in_that_digest(claimed: Claimed, most: int, later: int) -> None:
    for batch in digests(claimed, most):
        (again,) = make_batches(lost(batch, claimed), NOW + 60, later)
        assert (again.digest, len(again.rows)) == (batch.digest, len(batch.rows))


@pytest.mark.parametrize("left", [(3, 1, 0, 2), (0, 1, 3)], ids=["another order", "one of them was buried"])
def test_it_is_that_digest_whatever_is_left_of_it(left: tuple[int, ...]) -> None:
    """Rows are claimed in the order in which they are due. Rows of one lease are due together, so their order may differ."""
    claimed: Claimed = [(row_of(message), message) for message in map(post, range(4))]
    (batch,) = digests(claimed, 1)
    (again,) = make_batches([lost(batch, claimed)[place] for place in left], NOW + 60, 10)
    assert again.digest == batch.digest
    assert str(batch.digest) in bodies(again.message)[0]


@given(st.sampled_from([post(), post(0, None), letter(), letter(0, None)]), st.booleans(), st.floats(-9e9, 9e9))
def test_it_says_what_is_so_and_nothing_else(message: Message, repeated: bool, age: float) -> None:
    row = row_of(message, repeated=repeated)
    ((batch,), late) = make_batches([(row, message)], row.made + age, 1), row.made + age - row.made >= LATE.total_seconds()
    assert head(batch.message).startswith(MARK) is repeated
    assert ("Delayed by " in head(batch.message)) is late
    for body in bodies(batch.message):
        assert ("this may be the second time" in body) is repeated
        assert ("This waited in the outbox for " in body) is late


@pytest.mark.parametrize("message", [post(), post(0, None), letter(), letter(0, None)])
def test_the_words(message: Message) -> None:
    row, at = row_of(message, repeated=True), NOW + 3720
    again = message_of_row(row, message, at)
    assert head(again) == f"Possibly repeated: Delayed by 1 h 2 m: {head(message)}"
    assert all("This waited in the outbox for 1 h 2 m." in body for body in bodies(again))
    assert message_of_row(attrs.evolve(row, repeated=False), message, NOW + 3599) is message


def test_a_digest_that_may_have_arrived_says_so() -> None:
    claimed: Claimed = [(row_of(message), message) for message in map(post, range(4))]
    (batch,) = digests(claimed, 1)
    (again,) = make_batches(lost(batch, claimed), NOW + 60, 1)
    assert not head(batch.message).startswith(MARK)
    assert head(again.message).startswith(MARK)


@pytest.mark.parametrize("message", [post(), post(0, None), letter(), letter(0, None)])
@pytest.mark.parametrize("name", ["<!channel>", "a&b", "x*y`z", "<b>\"'", "@here|there"])
def test_a_key_is_no_markup(message: Message, name: str) -> None:
    plain, *rest = bodies(signed(message, f"run.{name}..0.0"))
    assert not isinstance(message, SendEmail) or not any(name in page for page in rest)
    assert not isinstance(message, PostToSlack) or not any(char in plain for char in "<>@*|")
    assert "run." in plain


def test_it_stands_below_what_was_there() -> None:
    one, other = signed(post(0, None), "run.load..0.0"), signed(letter(0, None), "run.load..0.1")
    assert isinstance(one, PostToSlack)
    assert one.payload.footer == "the foot key run.load..0.0"
    assert isinstance(other, SendEmail)
    assert other.mail.plain == "by hand\nkey run.load..0.1\n"
    assert other.mail.html == "<html><body>by hand<p>key run.load..0.1</p></body></html>"


@pytest.mark.parametrize("message", [post(), letter()])
def test_its_key_stays_whatever_becomes_of_it_on_its_way(message: Message) -> None:
    """``Retrying`` marks what it sends again, and ``Fallback`` and ``Rendered`` convert it for another channel."""
    key = "run.load..0.0"
    sent = signed(message, key)
    for other in (marked_as_repeat(sent), as_mail(as_slack(sent, "TEAM")), as_slack(as_mail(sent), "TEAM")):
        assert all(key in body for body in bodies(other))


def test_what_cannot_be_folded_goes_one_by_one() -> None:
    naive = attrs.evolve(LOAD, at=AT.replace(tzinfo=None))  # as a message made by hand may have it
    messages: Sequence[Message] = [post(0), attrs.evolve(post(1), content=naive), post(2)]
    with pytest.raises(TypeError):
        fold(messages)
    claimed: Claimed = [(row_of(message), message) for message in messages]
    assert [(batch.rows, batch.digest) for batch in make_batches(claimed, NOW, 1)] == [((row,), None) for row, _ in claimed]
