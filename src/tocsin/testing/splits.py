"""Ways to call a curried handler: any split of its arguments into calls, by position or by keyword, in any order."""

from collections.abc import Mapping, Sequence

import attrs
from hypothesis import strategies as st

from tocsin.core.invoke import invoke
from tocsin.shell.handlers.curried import ARGUMENTS


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
