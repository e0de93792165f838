"""What the body of a task is called with: values, with a Task anywhere in them standing for its result."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeGuard

import attrs

from tocsin.flows.task import Task


@attrs.frozen
class Inputs:
    """Positional and keyword inputs, tasks still in them."""

    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = attrs.field(factory=dict[str, object])


def tasks_in(value: object) -> Iterator[Task]:
    """The tasks in an input: itself, or in lists, tuples, sets and dicts, however deep."""
    if isinstance(value, Task):
        yield value
    elif _is_dict(value):
        for key, inner in value.items():
            yield from tasks_in(key)
            yield from tasks_in(inner)
    elif _is_list(value) or _is_tuple(value) or _is_set(value):
        for inner in value:
            yield from tasks_in(inner)


def resolved(value: object, result_of: Callable[[Task], object]) -> object:
    """An input with each task in it replaced by its result; one without tasks is the very value that was given."""
    if isinstance(value, Task):
        return result_of(value)
    if next(tasks_in(value), None) is None:
        return value
    if _is_dict(value):
        return {resolved(key, result_of): resolved(inner, result_of) for key, inner in value.items()}
    if _is_list(value):
        return [resolved(inner, result_of) for inner in value]
    if _is_tuple(value):
        return tuple(resolved(inner, result_of) for inner in value)
    return {resolved(inner, result_of) for inner in value} if _is_set(value) else value


def _is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return type(value) is dict


def _is_list(value: object) -> TypeGuard[list[object]]:
    return type(value) is list


def _is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return type(value) is tuple


def _is_set(value: object) -> TypeGuard[set[object] | frozenset[object]]:
    return type(value) in {set, frozenset}
