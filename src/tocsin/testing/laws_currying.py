"""Ways to call a curried handler: any split of its arguments into calls, by position or by keyword, in any order.

``assert_currying_laws``: for the notifiers with options of yours, and for curried handlers of your own.

What is compared is what they would send, and what they answer, under a ``Recording``; but not when, nor in which run.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Never

import attrs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin.core.changes import Key, Tracked
from tocsin.core.effects import Effect
from tocsin.core.messages.text import quote
from tocsin.core.states import State
from tocsin.core.validation import invoke
from tocsin.shell.current import interpreting
from tocsin.shell.handlers.currying import ARGUMENTS
from tocsin.shell.interpreters.dry_run import Recording
from tocsin.testing.laws_common import attempt, limited, pickled, timeless, uphold
from tocsin.testing.strategies import states
from tocsin.testing.value_strategies import tracked


@attrs.frozen
class Call:
    """One call: what it binds, by name, and the names of what stands in it by position, in order."""

    bound: Mapping[str, object]
    by_position: tuple[str, ...] = ()

    def __call__(self, handler: object) -> object:
        """What the handler answers to it."""
        positional = [self.bound[name] for name in self.by_position]
        return invoke(handler, *positional, **{name: value for name, value in self.bound.items() if name not in self.by_position})


@st.composite
def splits(draw: st.DrawFn, arguments: Mapping[str, object], options: Mapping[str, object]) -> tuple[Call, ...]:
    """One to four calls that together bind the three arguments and the options; the last binds an argument, and so completes them."""
    names = draw(st.permutations([*arguments, *options]))
    last = max(index for index, name in enumerate(names) if name in arguments)
    names = [*names[:last], *names[last + 1 :], names[last]]
    cuts = sorted(draw(st.sets(st.integers(1, len(names) - 1), max_size=3)))
    values, calls = {**arguments, **options}, list[Call]()
    waiting: tuple[str, ...] = ARGUMENTS
    for start, end in zip([0, *cuts], [*cuts, len(names)], strict=True):
        chunk = names[start:end]
        calls.append(Call({name: values[name] for name in chunk}, _by_position(waiting, chunk, draw(st.sets(st.sampled_from(chunk))))))
        waiting = tuple(name for name in waiting if name not in chunk)
    return tuple(calls)


def _by_position(waiting: Sequence[str], chunk: Sequence[str], by_keyword: set[str]) -> tuple[str, ...]:
    """Those in a chunk that can stand by position: they fill what is unbound and not named beside them, in order, with no gap."""
    free = [name for name in waiting if name not in by_keyword]
    placed = [name for name in free if name in chunk]
    return tuple(placed) if placed == free[: len(placed)] else ()


Handler = Callable[[Never, State, State], object]
"""A state handler; that it can be called with less is what the laws are about."""

Options = Mapping[str, SearchStrategy[object]]


@attrs.frozen
class Case:
    """The arguments and some options to bind, the calls that do so; and all options, to bind earlier and later."""

    arguments: Mapping[str, object]
    options: Mapping[str, object]
    calls: tuple[Call, ...]
    earlier: Mapping[str, object]
    later: Mapping[str, object]

    @property
    def at_once(self) -> Call:
        """One call that binds it all."""
        return Call({**self.arguments, **self.options}, ARGUMENTS)


def assert_currying_laws(
    handler: Handler, *, options: Options | None = None, tracked_objs: SearchStrategy[Tracked] | None = None, examples: int = 100
) -> None:
    """Check that a handler takes ``tracked_obj``, ``old_state``, ``new_state`` in any split into calls, and is a value meanwhile.

    Args:
        handler: the handler, such as ``slack_notifier(only_states=[Failed])``.
        options: options to bind, by name, each with what draws values for it; by default none.
        tracked_objs: draws what the handler is attached to; by default anything with a name.
        examples: how many changes, each with a split.

    Raises:
        AssertionError: a law does not hold; says which, and for which calls.

    >>> from tocsin import Failed, slack_notifier
    >>> assert_currying_laws(slack_notifier(only_states=[Failed]), options={"traceback": st.booleans()}, examples=10)
    """

    @limited(examples)
    @given(cases({} if options is None else options, tracked() if tracked_objs is None else tracked_objs))
    def check(case: Case) -> None:
        for name, law in LAWS.items():
            uphold(partial(law, handler, case), partial(_words, name, handler, case))

    attempt(check)


@st.composite
def cases(draw: st.DrawFn, options: Options, tracked_objs: SearchStrategy[Tracked]) -> Case:
    """Cases over these options."""
    arguments: dict[str, object] = dict(zip(ARGUMENTS, (draw(tracked_objs), draw(states()), draw(states())), strict=True))
    bound, every = draw(st.fixed_dictionaries({}, optional=dict(options))), st.fixed_dictionaries(dict(options))
    return Case(arguments, bound, draw(splits(arguments, bound)), draw(every), draw(every))


def _words(name: str, handler: object, case: Case) -> str:
    return f"the handler {quote(handler)} breaks a law: {name}; with {case!r}"


def _returned(handler: object, case: Case) -> bool:
    return _told(handler, [case.at_once])[0] is case.arguments["new_state"]


def _split(handler: object, case: Case) -> bool:
    answer, effects = _told(handler, case.calls)
    return answer is case.arguments["new_state"] and effects == _effects(handler, case)


def _alike(handler: object, case: Case) -> bool:
    bound = bind(handler, case.calls[:-1])
    return _same(bound, Call({name: value for call in case.calls[:-1] for name, value in call.bound.items()})(handler))


def _unchanged(handler: object, case: Case) -> bool:
    steps, looks = [handler], [_look(handler)]
    for call in case.calls[:-1]:
        steps.append(call(steps[-1]))
        looks.append(_look(steps[-1]))
    told = [_told(step, case.calls[at:])[1] for at, step in enumerate(steps) for _ in range(2)]
    Call(case.earlier)(handler)
    return looks == [_look(step) for step in steps] and all(effects == told[0] for effects in told)


def _replaced(handler: object, case: Case) -> bool:
    bound = Call(case.earlier)(handler)
    some = _same(Call(case.options)(bound), Call({**case.earlier, **case.options})(handler))
    return some and _same(Call(case.later)(bound), Call(case.later)(handler))


def _survives(handler: object, case: Case) -> bool:
    copied = pickled(bind(handler, case.calls[:-1]))
    return _told(copied, case.calls[-1:])[1] == _effects(handler, case)


LAWS: Mapping[str, Callable[[object, Case], bool]] = {
    "the full call returns the identical new state": _returned,
    "any split of the arguments has the effects and the answer of the full call": _split,
    "what is bound alike is equal, hashes alike and prints alike, whichever way it was bound": _alike,
    "binding changes nothing that exists": _unchanged,
    "an option bound later replaces the one bound before": _replaced,
    "what is bound survives pickle, or cloudpickle": _survives,
}
"""What holds of every curried handler, and any case, by the law in words."""


def bind(handler: object, calls: Sequence[Call]) -> object:
    """What the calls, one after the other, make of the handler."""
    for call in calls:
        handler = call(handler)
    return handler


def _told(handler: object, calls: Sequence[Call]) -> tuple[object, list[tuple[Effect, Key]]]:
    """What the last call answers, and what it would have sent."""
    with interpreting(Recording()) as recording:
        answer = bind(handler, calls)
    return answer, [timeless(effect) for effect in recording.effects]


def _effects(handler: object, case: Case) -> list[tuple[Effect, Key]]:
    return _told(handler, [case.at_once])[1]


def _look(handler: object) -> tuple[str, int]:
    return repr(handler), hash(handler)


def _same(one: object, other: object) -> bool:
    return one == other and _look(one) == _look(other)
