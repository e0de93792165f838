"""Laws of hostile objects: whatever a user's exception, argument or result does where it is asked, each path yields one message.

The message names the type of the exception. Nothing escapes into the work but the exception itself, as the same object.
"""

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn, ParamSpec

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from tocsin import (
    Failed,
    Flow,
    FunctionTask,
    LoggingHandler,
    Recording,
    Running,
    State,
    Task,
    callback_factory,
    install_excepthook,
    interpreting,
    signals,
    slack_notifier,
    watch,
)
from tocsin.core.endings import signalled_state
from tocsin.core.messages.content import Content
from tocsin.core.outcomes import Rejected
from tocsin.core.text import LONGEST, bounded, describe, frames, label, plain, quote, type_name, worded
from tocsin.core.text import name_of as qualified_name
from tocsin.core.validation import invoke

_P = ParamSpec("_P")
NAME = "Hostile"
BOUND = 20.0  # seconds; a text of 200 MB took far longer where each step walked over it


class Unusual(BaseException):
    """What ``except Exception`` does not catch."""


RAISED: tuple[type[BaseException], ...] = (RuntimeError, RecursionError, AttributeError, Unusual, SystemExit)
RUBBISH: tuple[object, ...] = (None, 3, "text", object(), int, [], TimeoutError)

METHODS = ("__str__", "__repr__", "__eq__", "__hash__", "__bool__", "__len__", "__iter__", "__getattribute__", "__format__")
ATTRIBUTES = ("__class__", "__cause__", "__context__", "__notes__", "__traceback__", "__dict__", "args", "state", "code", "name")
OF_THE_CLASS = ("__instancecheck__", "__subclasscheck__", "__getattribute__", "mro", "__repr__", "__call__", "__eq__", "__hash__")
ATTRIBUTES_OF_THE_CLASS = ("__name__", "__mro__", "__bases__")


@attrs.frozen
class Hook:
    """What an attribute or a method does: it raises, or it answers."""

    raises: type[BaseException] | None
    answer: object = None

    def __call__(self, *_: object, **__: object) -> object:
        if self.raises is not None:
            raise self.raises("hostile")
        return self.answer


hooks = st.sampled_from(RAISED).map(Hook) | st.sampled_from(RUBBISH).map(lambda answer: Hook(None, answer))


@attrs.frozen
class Design:
    """The hooks of a class and of its metaclass, by name."""

    methods: dict[str, Hook]
    attributes: dict[str, Hook]
    of_the_class: dict[str, Hook]
    attributes_of_the_class: dict[str, Hook]

    def made(self, base: type, *given: object) -> object:
        """Return an instance of a class with the hooks, derived from ``base``. The hooks do nothing until it is made."""
        armed: list[bool] = []

        def method(hook: Hook, usual: object) -> object:
            return lambda *values, **named: hook() if armed else invoke(usual, *values, **named)

        def attribute(hook: Hook) -> object:
            return property(lambda _: hook() if armed else None, lambda _, __: None)

        of_the_class = {name: method(hook, getattr(type, name)) for name, hook in self.of_the_class.items()}
        of_the_class |= {name: attribute(hook) for name, hook in self.attributes_of_the_class.items()}
        inside = {name: method(hook, getattr(base, name, hook)) for name, hook in self.methods.items()}
        inside |= {name: attribute(hook) for name, hook in self.attributes.items()}
        made = type.__call__(type("Meta", (type,), of_the_class), NAME, (base,), inside)
        instance: object = type.__call__(made, *given)
        armed.append(True)
        return instance


def chosen(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Hook]]:
    return st.dictionaries(st.sampled_from(names), hooks, max_size=3)


designs = st.builds(Design, chosen(METHODS), chosen(ATTRIBUTES), chosen(OF_THE_CLASS), chosen(ATTRIBUTES_OF_THE_CLASS))


def raised(error: BaseException) -> BaseException:
    """Return what Python raises for the exception: in Python 3.11 a metaclass may put another in its place."""
    try:
        raise error
    except BaseException as caught:
        return caught


@attrs.frozen
class Making:
    """How to make a hostile exception. It is made inside the test, so that Hypothesis does not meet it."""

    design: Design
    base: type[BaseException]

    def __call__(self) -> BaseException:
        made = self.design.made(self.base, "a hostile message")
        assert issubclass(type(made), BaseException)
        first = raised(made)  # type: ignore[arg-type]  # isinstance would run its code
        assume(raised(first) is first)
        return first


@attrs.frozen
class Value:
    """How to make a hostile value."""

    design: Design
    base: type

    def __call__(self) -> object:
        return self.design.made(self.base)


errors = st.builds(Making, designs, st.sampled_from([Exception, ValueError, OSError, TimeoutError]))
unusual_errors = st.builds(Making, designs, st.sampled_from([BaseException, Unusual, SystemExit]))
hostile_signals = st.builds(Making, designs, st.sampled_from([signals.FAIL, signals.TRIGGERFAIL]))
values = st.builds(Value, designs, st.sampled_from([object, dict, list, str, int, set, Exception]))
HANDLERS = [slack_notifier(only_states=[Failed])]


def thrower(error: BaseException) -> Callable[[], NoReturn]:
    def body() -> NoReturn:
        raise error

    return body


@attrs.frozen(eq=False)
class NothingBut:
    """Lets this exception pass, and no other one. (A generator would not do: ``throw`` asks the class of an exception.)"""

    error: BaseException

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, caught: BaseException | None, __: object) -> bool:
        assert caught is self.error, f"it was not the user's exception that passed, but {type.__repr__(type(caught))}"
        return True


def by_block(error: BaseException) -> None:
    with NothingBut(error), watch("job", state_handlers=HANDLERS):
        raise error


def by_function(error: BaseException) -> None:
    with NothingBut(error):
        watch("job", state_handlers=HANDLERS)(thrower(error))()


def inside_of_an_interpreter(error: BaseException) -> None:
    with NothingBut(error), interpreting(Recording()) as recording, watch("job", state_handlers=HANDLERS):
        raise error
    (post,) = recording.slack
    slack_notifier(Task("job"), Running(), Failed(post.payload.fallback))  # for the recording around it


def by_generator(error: BaseException) -> None:
    @watch("job", state_handlers=HANDLERS)
    def steps() -> Iterator[int]:
        yield 1
        raise error

    with NothingBut(error):
        list(steps())


def by_nested_blocks(error: BaseException) -> None:
    with NothingBut(error), watch("outer", state_handlers=HANDLERS), watch("job", state_handlers=HANDLERS):
        raise error


def by_group(error: BaseException) -> None:
    group = BaseExceptionGroup("some tasks", [error])
    with NothingBut(group), watch("job", state_handlers=HANDLERS):
        raise group


def by_flow(error: BaseException) -> None:
    flow = Flow("job", tasks=[FunctionTask(thrower(error), name="task", state_handlers=HANDLERS)])
    if issubclass(type(error), Exception):
        assert flow.run().state.is_failed()
    else:
        with NothingBut(error):
            flow.run()


def by_log_record(error: BaseException) -> None:
    logger, handler = logging.Logger("job"), LoggingHandler(state_handlers=HANDLERS)
    logger.addHandler(handler)
    try:
        raise error
    except BaseException:
        logger.exception("it failed")


def by_excepthook(error: BaseException) -> None:
    before, sys.excepthook = sys.excepthook, lambda *_: None
    restore = install_excepthook(state_handlers=HANDLERS, name="job")
    try:
        sys.excepthook(type(error), error, None)
    finally:
        restore()
        sys.excepthook = before


def by_hand(error: BaseException) -> None:
    HANDLERS[0](Task("job"), Running(), Failed(result=error))


PATHS = [
    by_block,
    inside_of_an_interpreter,
    by_function,
    by_generator,
    by_nested_blocks,
    by_flow,
    by_log_record,
    by_excepthook,
    by_hand,
]


def name_of(error: BaseException) -> str:
    """Return the name of the exception's type, whatever its metaclass says."""
    name: str = vars(type)["__name__"].__get__(type(error))
    return name


def sheltered(test: Callable[_P, None]) -> Callable[_P, None]:
    """Keep hostile exceptions from pytest and Hypothesis, which they would break."""

    @functools.wraps(test)
    def run(*given: _P.args, **named: _P.kwargs) -> None:
        try:
            test(*given, **named)
        except (AssertionError, UnsatisfiedAssumption):
            raise
        except BaseException as error:
            escaped = f"{name_of(error)} escaped from {frames(error)}"
        else:
            return
        raise AssertionError(escaped)

    return run


def texts(recording: Recording) -> list[str]:
    """Return the whole text of each message."""
    return [f"{post.payload.to_json()}" for post in recording.slack]


@pytest.mark.parametrize("path", PATHS)
@given(errors)
@sheltered
def test_each_path_yields_one_message_that_names_the_type(path: Callable[[BaseException], None], make: Making) -> None:
    error = make()
    with interpreting(Recording()) as recording:
        path(error)
    (text,) = texts(recording)
    assert name_of(error) in text


@pytest.mark.parametrize("path", [by_block, by_function, by_flow, by_excepthook, by_hand])
@given(unusual_errors)
@sheltered
def test_what_is_no_usual_exception_is_told_too(path: Callable[[BaseException], None], make: Making) -> None:
    error = make()
    with interpreting(Recording()) as recording:
        path(error)
    assert len(texts(recording)) == 1


@given(errors)
@sheltered
def test_a_group_of_them_is_told_once(make: Making) -> None:
    error = make()
    with interpreting(Recording()) as recording:
        by_group(error)
    assert len(texts(recording)) == 1


@given(hostile_signals)
@sheltered
def test_a_hostile_signal_is_a_failure(make: Making) -> None:
    error = make()
    for path in (by_block, by_flow):
        with interpreting(Recording()) as recording:
            path(error)
        assert len(texts(recording)) == 1


@given(errors)
@sheltered
def test_a_callback_that_raises_it_is_a_failed_delivery(make: Making) -> None:
    error = make()
    assume(issubclass(type(error), Exception))
    from tocsin.shell.interpreters.live import _perform

    handler = callback_factory(lambda _, __: thrower(error)(), State.is_finished)

    class Calling:
        notify = "none"

        def __call__(self, effect: object, /) -> object:
            return _perform(None, effect)  # type: ignore[arg-type]  # a call needs no settings

    report = Flow("job", state_handlers=[handler]).run(interpreter=Calling())  # type: ignore[arg-type]  # as above
    (failed,) = report.failures
    assert isinstance(failed.outcome, Rejected)
    assert name_of(error) in failed.outcome.reason
    assert name_of(error) in report.explain()


@given(errors)
@sheltered
def test_a_handler_or_a_formatter_that_raises_it_is_a_fault(make: Making) -> None:
    error = make()
    assume(issubclass(type(error), Exception))

    def handler(*_: object) -> NoReturn:
        raise error

    handlers = [handler, slack_notifier(message=lambda _: thrower(error)(), ignore_states=[Running])]
    with interpreting(Recording()) as recording:
        report = Flow("job", state_handlers=handlers).run()  # type: ignore[arg-type]  # a handler without types
    assert len(report.faults) == 3
    assert all(name_of(error) in str(fault) for fault in report.faults)
    (text,) = texts(recording)
    assert name_of(error) in text


@given(values)
@sheltered
def test_arguments_results_and_notes_harm_nothing(make: Value) -> None:
    value = make()

    @watch("job", state_handlers=[slack_notifier(ignore_states=[Running])], show_arguments=True, show_result=True)
    def body(given: object, *, named: object) -> object:
        assert named is given
        return given

    with interpreting(Recording()) as recording:
        assert body(value, named=value) is value
        with watch("job", state_handlers=[slack_notifier(ignore_states=[Running])]) as run:
            run.note(value)
            run.link(value)
    assert len(texts(recording)) == 2


@given(values)
@sheltered
def test_inputs_and_results_of_tasks_harm_nothing(make: Value) -> None:
    value = make()
    with Flow("job") as flow:
        first = FunctionTask(lambda: value, name="first", state_handlers=[slack_notifier(ignore_states=[Running])])()
        FunctionTask(lambda given, other: [given, other], name="second", state_handlers=[slack_notifier(ignore_states=[Running])])(
            first, value
        )
    with interpreting(Recording()) as recording:
        report = flow.run()
    assert report.state.is_successful()
    assert report.task_states[first].result is value
    assert len(texts(recording)) == 2


@given(values)
@sheltered
def test_log_records_of_anything_are_told(make: Value) -> None:
    value = make()
    handler = LoggingHandler(state_handlers=HANDLERS)
    with interpreting(Recording()) as recording:
        for msg, args in ((value, ()), ("%s", (3, value)), ("%d rows: %s", (value, value))):
            handler.handle(logging.makeLogRecord({"msg": msg, "args": args, "name": "job"}))
        handler.handle(logging.makeLogRecord({"msg": "rows", "name": value, "filename": value, "threadName": value}))
        handler.handle(logging.makeLogRecord({"msg": "rows", "exc_info": value}))
    assert len(texts(recording)) == 5


@given(values)
@sheltered
def test_what_a_handler_returns_harms_nothing(make: Value) -> None:
    value = make()
    with interpreting(Recording()) as recording:
        report = Flow("job", state_handlers=[lambda *_: value, *HANDLERS]).run()  # type: ignore[list-item]  # as in code without types
    assert report.state.is_successful()
    assert len(report.faults) == 2
    assert texts(recording) == []


class Endless(Exception):
    """Its text is very long."""

    def __str__(self) -> str:
        return "x" * 200_000_000


@pytest.mark.parametrize("path", [by_block, by_flow, by_log_record])
def test_a_text_of_any_length_is_bounded(path: Callable[[BaseException], None]) -> None:
    import time

    with interpreting(Recording()) as recording:
        began = time.monotonic()
        path(Endless())
        assert time.monotonic() - began < BOUND / 4
    (post,) = recording.slack
    assert isinstance(post.content, Content)
    assert max(len(line.text) for line in post.content.lines) < 200_000
    assert "Endless: xxxxx" in post.payload.fallback or "it failed" in post.payload.fallback


class Interrupting(Exception):
    """A person presses Ctrl-C while its code runs."""

    def __getattribute__(self, name: str) -> object:
        raise KeyboardInterrupt

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class InterruptingSignal(signals.FAIL):
    """A person presses Ctrl-C while its state is looked up."""

    @property
    def state(self) -> State:
        """Raise."""
        raise KeyboardInterrupt

    @state.setter
    def state(self, _: State) -> None: ...


ASKS: list[Callable[[], object]] = [
    lambda: quote(Interrupting()),
    lambda: worded(Interrupting()),
    lambda: describe(Interrupting()),
    lambda: label(Interrupting()),
    lambda: qualified_name(Interrupting()),
    lambda: signalled_state(InterruptingSignal()),
    lambda: Flow("job", state_handlers=[lambda *_: Interrupting()]).run(),  # type: ignore[list-item]  # it returns no state
    lambda: LoggingHandler(state_handlers=[]).emit(logging.makeLogRecord({"msg": "%s", "args": (Interrupting(),)})),
]


@pytest.mark.parametrize("ask", ASKS)
def test_an_interrupt_is_the_persons_and_passes(ask: Callable[[], object]) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask()


class Name(str):
    """A name with a will of its own."""

    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError("no length")


def test_names_are_plain_and_bounded() -> None:
    long = type("X" * 1000, (), {})
    own_str = type("X", (), {})
    own_str.__name__ = Name("Odd")
    assert (type_name(long()), type_name(own_str())) == ("X" * 163 + "… (837 more characters)", "Odd")
    assert (plain(Name("a name")), bounded(Name("a name"))) == ("a name", "a name")
    for text in (plain("x" * 200_000), quote("x" * 200_000), worded("x" * 200_000), bounded("x" * 200_000)):
        assert LONGEST - 100 < len(text) <= LONGEST
