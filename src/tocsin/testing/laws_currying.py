"""``assert_currying_laws``: checks a notifier with options, or a user's curried handler.

- A handler is called with every split of its arguments into calls, by position or by keyword, in any order.
- The laws compare effects and return values under a ``Recording``, without the time and the run of an effect.
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
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.core.validation import invoke
from tocsin.shell.current import interpreting
from tocsin.shell.handlers.currying import ARGUMENTS
from tocsin.shell.interpreters.dry_run import Recording
from tocsin.testing.laws_common import attempt, limited, pickled, timeless, uphold
from tocsin.testing.strategies import states
from tocsin.testing.value_strategies import tracked

Handler = Callable[[Never, State, State], object]
"""A state handler. The laws call it with fewer arguments too."""

Options = Mapping[str, SearchStrategy[object]]


@attrs.frozen
class Call:
    """One call: the bound values by name, and the names of the positional arguments in order."""

    bound: Mapping[str, object]
    by_position: tuple[str, ...] = ()

    def __call__(self, handler: object) -> object:
        """Call the handler and return its answer."""
        positional = [self.bound[name] for name in self.by_position]
        return invoke(handler, *positional, **{name: value for name, value in self.bound.items() if name not in self.by_position})


@st.composite
def splits(draw: st.DrawFn, arguments: Mapping[str, object], options: Mapping[str, object]) -> tuple[Call, ...]:
    """Draw one to four calls that together bind the three arguments and the options. The last call binds the last missing argument."""
    names = draw(st.permutations([*arguments, *options]))
    last = max(index for index, name in enumerate(names) if name in arguments)
    names = [*names[:last], *names[last + 1 :], names[last]]
    cuts = sorted(draw(st.sets(st.integers(1, len(names) - 1), max_size=3)))
    values, calls = {**arguments, **options}, list[Call]()
    unbound: tuple[str, ...] = ARGUMENTS
    for start, end in zip([0, *cuts], [*cuts, len(names)], strict=True):
        chunk = names[start:end]
        calls.append(Call({name: values[name] for name in chunk}, _by_position(unbound, chunk, draw(st.sets(st.sampled_from(chunk))))))
        unbound = tuple(name for name in unbound if name not in chunk)
    return tuple(calls)


def _by_position(unbound: Sequence[str], chunk: Sequence[str], by_keyword: set[str]) -> tuple[str, ...]:
    """Return the names in a chunk that can be positional: the first unbound arguments that no keyword names, without a gap."""
    free = [name for name in unbound if name not in by_keyword]
    placed = [name for name in free if name in chunk]
    return tuple(placed) if placed == free[: len(placed)] else ()


@attrs.frozen
class Case:
    """An example: arguments and some options, calls that bind these, and values of all options to bind earlier and later."""

    arguments: Mapping[str, object]
    options: Mapping[str, object]
    calls: tuple[Call, ...]
    earlier: Mapping[str, object]
    later: Mapping[str, object]

    @property
    def at_once(self) -> Call:
        """Return the one call that binds everything."""
        return Call({**self.arguments, **self.options}, ARGUMENTS)


def assert_currying_laws(
    handler: Handler, *, options: Options | None = None, tracked_objs: SearchStrategy[Tracked] | None = None, examples: int = 100
) -> None:
    """Check that a handler takes ``tracked_obj``, ``old_state``, ``new_state`` in any split into calls.

    A handler with some arguments bound must be a value: it compares, hashes, prints and pickles, and never changes.

    Args:
        handler: the handler, such as ``slack_notifier(only_states=[Failed])``.
        options: the strategy of the values of each option, by name; by default no options.
        tracked_objs: draws the tracked object; by default any object with a name.
        examples: the number of changes, each with one split.

    Raises:
        AssertionError: a law does not hold. The message names the law and the calls.

    >>> from tocsin import Failed, slack_notifier
    >>> assert_currying_laws(slack_notifier(only_states=[Failed]), options={"traceback": st.booleans()}, examples=10)
    """

    @limited(examples)
    @given(cases({} if options is None else options, tracked() if tracked_objs is None else tracked_objs))
    def check(case: Case) -> None:
        for name, law in LAWS.items():
            uphold(partial(law, handler, case), partial(_broken, name, handler, case))

    attempt(check)


@st.composite
def cases(draw: st.DrawFn, options: Options, tracked_objs: SearchStrategy[Tracked]) -> Case:
    """Draw cases with these options."""
    arguments: dict[str, object] = dict(zip(ARGUMENTS, (draw(tracked_objs), draw(states()), draw(states())), strict=True))
    bound, every = draw(st.fixed_dictionaries({}, optional=dict(options))), st.fixed_dictionaries(dict(options))
    return Case(arguments, bound, draw(splits(arguments, bound)), draw(every), draw(every))


def _broken(name: str, handler: object, case: Case) -> str:
    return f"the handler {quote(handler)} breaks a law: {name}; with {case!r}"


def _returns_new_state(handler: object, case: Case) -> bool:
    return _perform(handler, [case.at_once])[0] is case.arguments["new_state"]


def _splits_agree(handler: object, case: Case) -> bool:
    answer, effects = _perform(handler, case.calls)
    return answer is case.arguments["new_state"] and effects == _effects(handler, case)


def _binds_alike(handler: object, case: Case) -> bool:
    bound = bind(handler, case.calls[:-1])
    return _same(bound, Call({name: value for call in case.calls[:-1] for name, value in call.bound.items()})(handler))


def _binds_without_change(handler: object, case: Case) -> bool:
    steps, prints = [handler], [_repr_and_hash(handler)]
    for call in case.calls[:-1]:
        steps.append(call(steps[-1]))
        prints.append(_repr_and_hash(steps[-1]))
    performed = [_perform(step, case.calls[at:])[1] for at, step in enumerate(steps) for _ in range(2)]
    Call(case.earlier)(handler)
    return prints == [_repr_and_hash(step) for step in steps] and all(effects == performed[0] for effects in performed)


def _replaces_options(handler: object, case: Case) -> bool:
    bound = Call(case.earlier)(handler)
    replaced = _same(Call(case.options)(bound), Call({**case.earlier, **case.options})(handler))
    return replaced and _same(Call(case.later)(bound), Call(case.later)(handler))


def _pickles(handler: object, case: Case) -> bool:
    copied = pickled(bind(handler, case.calls[:-1]))
    return _perform(copied, case.calls[-1:])[1] == _effects(handler, case)


LAWS: Mapping[str, Callable[[object, Case], bool]] = {
    "the full call returns the identical new state": _returns_new_state,
    "any split of the arguments has the effects and the answer of the full call": _splits_agree,
    "what is bound alike is equal, hashes alike and prints alike, whichever way it was bound": _binds_alike,
    "binding changes nothing that exists": _binds_without_change,
    "an option bound later replaces the one bound before": _replaces_options,
    "what is bound survives pickle, or cloudpickle": _pickles,
}
"""The laws that hold for every curried handler and any case. The key states the law in words."""


def bind(handler: object, calls: Sequence[Call]) -> object:
    """Call the handler, then its answer, and so on; return the last answer."""
    for call in calls:
        handler = call(handler)
    return handler


def _perform(handler: object, calls: Sequence[Call]) -> tuple[object, list[tuple[Effect, Key]]]:
    with interpreting(Recording()) as recording:
        answer = bind(handler, calls)
    return answer, [timeless(effect) for effect in recording.effects]


def _effects(handler: object, case: Case) -> list[tuple[Effect, Key]]:
    return _perform(handler, [case.at_once])[1]


def _repr_and_hash(handler: object) -> tuple[str, int]:
    return repr(handler), hash(handler)


def _same(one: object, other: object) -> bool:
    return one == other and _repr_and_hash(one) == _repr_and_hash(other)
