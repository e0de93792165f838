"""Tests that the overloads of the two notifiers are the same, and name each option with the type that it takes."""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType
from typing import get_args, get_origin

import attrs
import pytest

from tocsin.core import options
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.shell.handlers.currying import ARGUMENTS, CurriedHandler
from tocsin.shell.handlers.gmail import GmailHandler
from tocsin.shell.handlers.slack import SlackHandler

Types = Mapping[str, frozenset[object]]
"""The options by name; each with the members of its union, a collection as (Iterable, its items)."""


def taken(notifier: type[attrs.AttrsInstance]) -> Types:
    """Return what the fields take: any iterable for a collection, and None for the default."""
    return {field.name: members(field.type) | {NoneType} for field in attrs.fields(notifier) if field.init}


def members(kind: object) -> frozenset[object]:
    """Return the members of a union, or the only one."""
    return frozenset(
        (Iterable, get_args(member)[0]) if get_origin(member) in {frozenset, tuple, Iterable} else member
        for member in (get_args(kind) if NoneType in get_args(kind) else [kind])
    )


OF_SLACK, OF_GMAIL = taken(SlackNotifier), taken(GmailNotifier)
OF_BOTH = dict(OF_SLACK.items() & OF_GMAIL.items())


@pytest.mark.parametrize(("handler", "wanted"), [(SlackHandler, OF_SLACK), (GmailHandler, OF_GMAIL), (CurriedHandler, OF_BOTH)])
def test_each_overload_names_each_option_with_its_type(handler: type[object], wanted: Types) -> None:
    for overload in overloads(handler):
        given = {argument.arg: annotated(argument) for argument in overload.args.kwonlyargs if argument.arg not in ARGUMENTS}
        assert given == wanted or (handler is CurriedHandler and not given), ast.unparse(overload)


def test_the_overloads_of_the_two_differ_in_their_options_alone() -> None:
    slack, gmail = ([without_options(overload) for overload in overloads(handler)] for handler in (SlackHandler, GmailHandler))
    assert [line.replace("Slack", "Gmail") for line in slack] == gmail
    assert len(gmail) == len(set(gmail)) > 2


def test_one_function_is_behind_all_of_them() -> None:
    assert "__call__" not in vars(SlackHandler) | vars(GmailHandler)


def overloads(handler: type[object]) -> Iterator[ast.FunctionDef]:
    """Yield the overloads of ``__call__``, which exist for type checkers only."""
    for node in ast.walk(ast.parse(inspect.getsource(handler))):
        if isinstance(node, ast.FunctionDef) and node.name == "__call__" and node.decorator_list:
            yield node


def without_options(overload: ast.FunctionDef) -> str:
    arguments = overload.args
    arguments.kwonlyargs = [argument for argument in arguments.kwonlyargs if argument.arg in ARGUMENTS]
    arguments.kw_defaults = arguments.kw_defaults[: len(arguments.kwonlyargs)]
    return ast.unparse(overload)


def annotated(argument: ast.arg) -> frozenset[object]:
    """Return the members of the annotation, which is a name of ``options``."""
    assert isinstance(argument.annotation, ast.Name)
    return members(getattr(options, argument.annotation.id))
