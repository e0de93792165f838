"""``assert_currying_laws`` passes what is curried, and says which law is broken by what is not."""

import re

import attrs
import pytest
from hypothesis import strategies as st

from tocsin import Failed, State, Task, gmail_notifier, slack_notifier
from tocsin.core.validation import invoke
from tocsin.testing import assert_currying_laws, strategies
from tocsin.testing.laws_currying import Handler

ARGUMENTS = ("tracked_obj", "old_state", "new_state")


@attrs.frozen
class Telling:
    """A curried handler of a user's own: it posts what ``slack_notifier`` posts, under a prefix of the name."""

    prefix: str = ""
    bound: tuple[tuple[str, object], ...] = ()

    def __call__(self, *args: object, **named: object) -> object:
        prefix = named.pop("prefix", self.prefix)
        free = [name for name in ARGUMENTS if name not in {**dict(self.bound), **named}]
        bound = {**dict(self.bound), **named, **dict(zip(free, args, strict=False))}
        made = type(self)(str(prefix), tuple(sorted(bound.items())))
        return made if len(bound) < len(ARGUMENTS) else made.told(**bound)

    def told(self, **bound: object) -> object:
        return invoke(slack_notifier, **{**bound, "tracked_obj": Task(f"{self.prefix}-load")})


class Copying(Telling):
    """Returns a new state that is only equal."""

    def told(self, **bound: object) -> object:
        told = super().told(**bound)
        assert isinstance(told, State)
        return attrs.evolve(told)


class Ordered(Telling):
    """Takes its arguments by position alone."""

    def __call__(self, *args: object, **named: object) -> object:
        if not named.keys().isdisjoint(ARGUMENTS):
            raise TypeError("it takes no keyword")
        return super().__call__(*args, **named)


class Unequal(Telling):
    """Has no notion of equality."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Sticky(Telling):
    """Remembers in itself what it is given."""

    def __call__(self, *args: object, **named: object) -> object:
        object.__setattr__(self, "prefix", named.get("prefix", self.prefix))
        return super().__call__(*args, **named)


class Merging(Telling):
    """Adds what is bound later to what was bound before."""

    def __call__(self, *args: object, **named: object) -> object:
        return super().__call__(*args, **{**named, "prefix": f"{self.prefix}{named.get('prefix', '')}"})


class Unpicklable(Telling):
    """Cannot be pickled."""

    def __reduce__(self) -> str:
        raise TypeError("it has an open file")


prefixes = {"prefix": st.sampled_from(["etl", "nightly"])}


def test_the_notifiers_pass() -> None:
    options = {"ignore_states": st.lists(strategies.kinds(), max_size=3), "traceback": st.booleans()}
    assert_currying_laws(slack_notifier(only_states=[Failed]), options=options, examples=20)
    assert_currying_laws(gmail_notifier(message=lambda change: change.slug), options=options, examples=20)


def test_a_curried_handler_of_ones_own_passes() -> None:
    assert_currying_laws(Telling(), options=prefixes, tracked_objs=st.builds(Task, st.sampled_from(["load", "div"])), examples=20)
    assert_currying_laws(Telling(), examples=20)


@pytest.mark.parametrize(
    ("bad", "law"),
    [
        (Copying(), "the full call returns the identical new state"),
        (Ordered(), "it takes no keyword"),
        (Unequal(), "what is bound alike is equal"),
        (Sticky(), "binding changes nothing that exists"),
        (Merging(), "an option bound later replaces the one bound before"),
        (Unpicklable(), "what is bound survives pickle, or cloudpickle; "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_curried_is_told_so(bad: Handler, law: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(law)) as raised:
        assert_currying_laws(bad, options=prefixes)
    assert type(bad).__name__ in str(raised.value)
