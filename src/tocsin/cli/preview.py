"""``tocsin preview``: what a flow would say to whom if its tasks ended in given ways, without running a body.

- The file is loaded as by ``tocsin run``, so that its top level runs. Nothing is sent, also by that.
- Handlers that are functions are named and not called: they are taken to change no state.
- All shown text is redacted. Nothing is recorded in the history, which is read only for filters that depend on earlier runs.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout

import attrs

from tocsin.cli.exec.options import suggestion
from tocsin.cli.leaving import leaving_json, leaving_lines, would_leave
from tocsin.cli.previews import WHOLE, Recorder
from tocsin.cli.render import WIDTH, drawing, line
from tocsin.cli.report_view import state_json
from tocsin.cli.run import FlowFileError, load_flow, report_load_error
from tocsin.cli.stdout import write
from tocsin.cli.terminal import Paragraphs, complain, console, json_line, plain_text, say
from tocsin.core.changes import slugs
from tocsin.core.delivery.leaving import Leaving, whom
from tocsin.core.effect_json import effect_json
from tocsin.core.effects import CallBack, Effect
from tocsin.core.machine import Announcement
from tocsin.core.notifiers import Notifier
from tocsin.core.states import Failed, State, Success
from tocsin.core.text import cut, name_of, one_line, span
from tocsin.flows.flow import Flow
from tocsin.flows.preview import ENDS, LASTS, REASON, SimulatedClock, preview
from tocsin.flows.report import Report
from tocsin.flows.task import Task
from tocsin.shell.adapters import SystemClock
from tocsin.shell.current import interpreting
from tocsin.shell.history.looked import look
from tocsin.shell.history.silences import described, silence_of

END_NAMES = tuple(kind.__name__.lower() for kind in ENDS)
"""The names of the states in which a body may end."""
_MISUSED = 2
_LISTED = 20  # lines about what is not sent
_NAMED = 3  # names on one of them
_LONGEST = 120  # characters of a handler


@attrs.frozen(kw_only=True)
class PreviewOptions:
    """The options of ``tocsin preview``."""

    fail: tuple[str, ...] = ()
    state: str | None = None
    json: bool = False
    verbose: bool = False
    traceback: bool = False


@attrs.frozen
class Verdict:
    """What one handler makes of one change: the effects that it sends or calls, or the reason why there is none."""

    announced: Announcement
    handler: str
    effects: tuple[Effect, ...] = ()
    reason: str | None = None


def show_preview(target: str, options: PreviewOptions) -> int:
    """Show the preview of the flow that ``FILE`` or ``FILE:NAME`` names, and return the exit status: 2 if there is none."""
    clock = SimulatedClock(SystemClock().now())
    recorder = Recorder(clock=clock)
    with redirect_stdout(sys.stderr) if options.json else nullcontext(), interpreting(recorder), load_flow(target, "preview") as flow:
        if isinstance(flow, FlowFileError):
            report_load_error(flow, traceback=options.traceback)
            return _MISUSED
        ends = chosen_ends(flow, options)
        if isinstance(ends, str):
            complain(ends)
            return _MISUSED
        begun = len(recorder.kept)  # effects of the top level of the file
        report = preview(flow, ends, recorder, clock)
    kept = recorder.kept[begun:]
    summary = would_leave(kept, clock.now())
    if options.json:
        write(f"{json_line(_json(flow, report, ends, summary))}\n")
    else:
        _draw(flow, report, ends, [effect for effect, _ in kept if not isinstance(effect, CallBack)], summary, whole=options.verbose)
    return 0


def chosen_ends(flow: Flow, options: PreviewOptions) -> Mapping[Task, type[State]] | str:
    """Return the state that each chosen task ends in; or, in one line, why there is no such task or state.

    ``--fail`` chooses tasks by name, all of that name, or by slug; without it, ``--state`` is about all tasks.
    """
    kind = Failed if options.state is None else _kind(options.state)
    if isinstance(kind, str):
        return kind
    if not options.fail:
        return {} if options.state is None else dict.fromkeys(flow.tasks, kind)
    by_slug = {slug: task for task, slug in _slugs(flow).items()}
    ends: dict[Task, type[State]] = {}
    for word in options.fail:
        named = [task for task in flow.tasks if task.name == word] or [by_slug[slug] for slug in (word,) if slug in by_slug]
        if not named:
            known = ", ".join([*by_slug][:10]) or "none"
            return f"the flow {flow.name!r} has no task {word!r}{suggestion(word, by_slug) or f': its tasks are {known}'}"
        ends.update(dict.fromkeys(named, kind))
    return ends


def _slugs(flow: Flow) -> dict[Task, str]:
    """Return the name of each task in a run, which no other task has."""
    return dict(zip(flow.tasks, slugs([flow.name, *(task.name for task in flow.tasks)])[1:], strict=True))


def _kind(word: str) -> type[State] | str:
    for kind in ENDS:
        if kind.__name__.lower() == word.lower():
            return kind
    hint = suggestion(word.lower(), END_NAMES) or f": write one of {', '.join(END_NAMES)}"
    return f"--state: no body ends in {word!r}{hint}"


def verdicts(report: Report) -> Iterator[Verdict]:
    """Yield, for each change and each of its handlers, what would be sent or called, or why nothing would be."""
    effects: dict[str, list[Effect]] = {}
    for delivery in report.deliveries:
        effects.setdefault(str(delivery.effect.key), []).append(delivery.effect)
    for announced in report.changes:
        for position, handler in enumerate(announced.handlers):
            name = cut(one_line(name_of(handler)), _LONGEST)
            change = announced.shown_to(position)
            found = tuple(effects.get(str(change.key(position)), ()))
            if not isinstance(handler, Notifier):
                yield Verdict(announced, name, reason="a function of yours, which would be called")
            elif found:
                yield Verdict(announced, name, found)
            else:
                yield Verdict(announced, name, reason=handler.explain(change).reason)


# --- for people ---------------------------------------------------------------------------------------------------------------


def _draw(
    flow: Flow, report: Report, ends: Mapping[Task, type[State]], messages: Sequence[Effect], summary: Leaving, *, whole: bool
) -> None:
    found = tuple(verdicts(report))
    say(console(), plain_text(f"{_supposed(flow, ends)} Nothing is sent, and no body runs: each is taken to last {span(LASTS)}.\n"))
    if whole or len(messages) <= WHOLE:
        say(console(WIDTH, widest=WIDTH), *(drawing(message) for message in messages))
    else:
        say(console(), *(line(message) for message in messages), plain_text("(-v shows them whole)\n", "dim"))
    silenced = [f"{name}: silent {why}" for name, why in _silenced(report).items()]
    for title, lines in (("By handler:", _senders(found)), ("Not sent:", _silences(found)), ("Silent now:", silenced)):
        shown = lines if whole else lines[:_LISTED]
        more = [f"  and {len(lines) - len(shown):,} more (-v shows all)"] if len(lines) > len(shown) else []
        if shown:
            say(console(), Paragraphs([title, *(f"  {text}" for text in shown), *more, ""]))
    say(console(), Paragraphs(leaving_lines(summary), "dim"))


def _silenced(report: Report) -> dict[str, str]:
    """Return the labels that ``tocsin silence`` has silenced now, each with the end of the silence."""
    changes = report.changes if look().silences else ()
    labels = dict.fromkeys(announced.before.subject.label for announced in changes)
    found = {label: silence_of(label) for label in labels}
    return {label: described(silence) for label, silence in found.items() if silence is not None}


def _supposed(flow: Flow, ends: Mapping[Task, type[State]]) -> str:
    name = one_line(flow.name)
    if len(set(ends.values())) <= 1 and len(ends) in {0, len(flow.tasks)}:
        kind = next(iter(ends.values()), Success)
        return f"What {name} would say if all its tasks ended in {kind.__name__}."
    known = _slugs(flow)
    words = [f"{one_line(known[task])} ended in {kind.__name__}" for task, kind in ends.items()]
    named = " and ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED:,} more" if len(words) > _NAMED else "")
    return f"What {name} would say if {named} ({REASON})."


def _senders(found: Iterable[Verdict]) -> list[str]:
    counts = Counter((each.handler, _goal(effect)) for each in found for effect in each.effects)
    return [f"{handler} → {goal}: {count:,}" for (handler, goal), count in counts.items()]


def _goal(effect: Effect) -> str:
    return f"calls {one_line(name_of(effect.fn))}" if isinstance(effect, CallBack) else one_line(whom(effect))


def _silences(found: Iterable[Verdict]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in found:
        if each.reason is not None:
            groups.setdefault((each.handler, each.reason), []).append(one_line(each.announced.change.slug))
    return [f"{handler}: {one_line(reason)} ({_names(names)})" for (handler, reason), names in groups.items()]


def _names(names: list[str]) -> str:
    known = [*dict.fromkeys(names)]
    return ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else "")


# --- for programs -------------------------------------------------------------------------------------------------------------


def _json(flow: Flow, report: Report, ends: Mapping[Task, type[State]], summary: Leaving) -> dict[str, object]:
    found, known = tuple(verdicts(report)), _slugs(flow)
    return {
        "name": flow.name,
        "supposed": [{"name": known[task], "kind": kind.__name__} for task, kind in ends.items()],
        "state": state_json(report.state),
        "tasks": [{"name": known[task], "state": state_json(state)} for task, state in report.task_states.items()],
        "effects": [{"handler": each.handler, **_change(each), **effect_json(effect)} for each in found for effect in each.effects],
        "not_sent": [{"handler": each.handler, **_change(each), "reason": each.reason} for each in found if each.reason is not None],
        "silenced": [{"label": label, "reason": why} for label, why in _silenced(report).items()],
        "leaving": leaving_json(summary),
    }


def _change(verdict: Verdict) -> dict[str, object]:
    change = verdict.announced.change
    return {"about": change.slug, "at": change.at.isoformat(), "old": state_json(change.old), "new": state_json(change.new)}
