"""``assert_currying_laws`` passes what is curried, and says which law is broken by what is not."""

import re
from collections.abc import Callable

import attrs
import pytest
from hypothesis import strategies as st

from tocsin import Failed, Running, State, Task, gmail_notifier, slack_notifier
from tocsin.core.changes import Tracked
from tocsin.core.invoke import invoke
from tocsin.testing import assert_currying_laws, kinds
from tocsin.testing.currying_laws import Handler

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


class Counting(Telling):
    """Compares by the order in which it was bound."""

    def __call__(self, *args: object, **named: object) -> object:
        made = super().__call__(*args, **named)
        return attrs.evolve(made, bound=(*self.bound, *named.items(), *enumerate(args))) if isinstance(made, Telling) else made
