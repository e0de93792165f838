"""``assert_currying_laws``: for the notifiers with options of yours, and for curried handlers of your own.

What is compared is what they would send, and what they answer, under a ``Recording``; but not when, nor in which run.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Never

import attrs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin.core.changes import Tracked
from tocsin.core.effects import Effect
from tocsin.core.keys import Key
from tocsin.core.messages.text import quote
from tocsin.core.states import State
from tocsin.shell.ambient import interpreting
from tocsin.shell.handlers.curried import ARGUMENTS
from tocsin.shell.interpreters.recording import Recording
from tocsin.testing.comparing import timeless
from tocsin.testing.copying import pickled
from tocsin.testing.splits import Call, splits
from tocsin.testing.strategies import states
from tocsin.testing.upholding import attempt, limited, uphold
from tocsin.testing.values import tracked

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
