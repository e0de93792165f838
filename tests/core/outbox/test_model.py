"""The name of a row: unique for each key, and one line that can be printed, typed and indexed."""

from urllib.parse import unquote

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.changes import Key
from tocsin.core.outbox.model import row_name

PARTS = st.text(st.sampled_from("ab.%~ 2E\n\t\x00\x1b\u200b\u202e\ud800ä[]"), max_size=8) | st.text(max_size=6)
LONG = st.integers(150, 3000).map(lambda length: "x" * length)


def keys() -> st.SearchStrategy[Key]:
    """Return keys with every character that a user's name may have, from a small alphabet so that two are often nearly equal."""
    numbers = st.integers(-2, 2)
    return st.builds(Key, PARTS | LONG, PARTS, st.none() | numbers, numbers, numbers)


@given(keys(), keys())
@example(Key("a.b", "c", None, 0, 0), Key("a", "b.c", None, 0, 0))
@example(Key("a%2Eb", "c", None, 0, 0), Key("a.b", "c", None, 0, 0))
@example(Key("a b", "c", None, 0, 0), Key("a_b", "c", None, 0, 0))
@example(Key("x" * 200, "a", None, 0, 0), Key("x" * 200, "b", None, 0, 0))
@example(Key("\ud800", "", None, 0, 0), Key("\udfff", "", None, 0, 0))
def test_no_two_keys_have_the_same_name(one: Key, other: Key) -> None:
    assert (row_name(one) == row_name(other)) is (one == other)


@given(keys(), st.booleans(), st.sampled_from(["", ".", "%", "~", " ", "2E", "\x00", "\ufffd", "_"]))
def test_whatever_is_added_to_a_part_makes_another_name(key: Key, to_the_first: bool, added: str) -> None:
    longer = attrs.evolve(key, run_id=key.run_id + added) if to_the_first else attrs.evolve(key, slug=key.slug + added)
    assert (row_name(longer) == row_name(key)) is (added == "")


@given(keys())
def test_a_name_is_one_short_line_without_a_space(key: Key) -> None:
    name = row_name(key)
    assert 0 < len(name) <= 200
    assert name.split() == [name]
    assert len(name.splitlines()) == 1
    name.encode()


@given(keys())
@example(Key("run", "load\u200b", None, 0, 0))
@example(Key("run", "load\U000f0000", None, 0, 0))
def test_a_name_can_be_printed(key: Key) -> None:
    assert row_name(key).isprintable()


@given(
    st.builds(
        Key,
        st.text("run.%", max_size=9),
        st.text("load.%", max_size=9),
        st.none() | st.integers(0, 9),
        st.integers(0, 9),
        st.integers(0, 9),
    )
)
def test_a_plain_key_can_be_read_in_its_name(key: Key) -> None:
    run_id, slug, index, ordinal, position = row_name(key).split(".")
    assert (unquote(run_id), unquote(slug)) == (key.run_id, key.slug)
    assert (index, ordinal, position) == ("" if key.map_index is None else str(key.map_index), str(key.ordinal), str(key.position))
