"""``assert_currying_laws`` passes curried handlers, and names the law that another one breaks."""

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
class Posting:
    """A user's curried handler: it posts like ``slack_notifier``, with a prefix before the name."""

    prefix: str = ""
    bound: tuple[tuple[str, object], ...] = ()

    def __call__(self, *args: object, **named: object) -> object:
        prefix = named.pop("prefix", self.prefix)
        free = [name for name in ARGUMENTS if name not in {**dict(self.bound), **named}]
        bound = {**dict(self.bound), **named, **dict(zip(free, args, strict=False))}
        made = type(self)(str(prefix), tuple(sorted(bound.items())))
        return made if len(bound) < len(ARGUMENTS) else made.post(**bound)

    def post(self, **bound: object) -> object:
        return invoke(slack_notifier, **{**bound, "tracked_obj": Task(f"{self.prefix}-load")})


class Copying(Posting):
    """Returns a new state that is only equal."""

    def post(self, **bound: object) -> object:
        state = super().post(**bound)
        assert isinstance(state, State)
        return attrs.evolve(state)


class Ordered(Posting):
    """Takes its arguments only by position."""

    def __call__(self, *args: object, **named: object) -> object:
        if not named.keys().isdisjoint(ARGUMENTS):
            raise TypeError("it takes no keyword")
        return super().__call__(*args, **named)


class Unequal(Posting):
    """Compares by identity."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Sticky(Posting):
    """Changes itself when an option is bound."""

    def __call__(self, *args: object, **named: object) -> object:
        object.__setattr__(self, "prefix", named.get("prefix", self.prefix))
        return super().__call__(*args, **named)


class Merging(Posting):
    """Appends a later option to the earlier one."""

    def __call__(self, *args: object, **named: object) -> object:
        return super().__call__(*args, **{**named, "prefix": f"{self.prefix}{named.get('prefix', '')}"})


class Unpicklable(Posting):
    """Cannot be pickled."""

    def __reduce__(self) -> str:
        raise TypeError("it has an open file")


prefixes = {"prefix": st.sampled_from(["etl", "nightly"])}


def test_the_notifiers_pass() -> None:
    options = {"ignore_states": st.lists(strategies.kinds(), max_size=3), "traceback": st.booleans()}
    assert_currying_laws(slack_notifier(only_states=[Failed]), options=options, examples=20)
    assert_currying_laws(gmail_notifier(message=lambda change: change.slug), options=options, examples=20)


def test_a_curried_handler_of_ones_own_passes() -> None:
    assert_currying_laws(Posting(), options=prefixes, tracked_objs=st.builds(Task, st.sampled_from(["load", "div"])), examples=20)
    assert_currying_laws(Posting(), examples=20)


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
def test_the_broken_law_is_named(bad: Handler, law: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(law)) as raised:
        assert_currying_laws(bad, options=prefixes)
    assert type(bad).__name__ in str(raised.value)
