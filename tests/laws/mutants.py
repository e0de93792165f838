"""Ten ways to break tocsin, as data: what a law is worth is that it notices."""

import attrs


@attrs.frozen
class Edit:
    """A text that stands once in a module of ``src/tocsin``, and what it becomes."""

    module: str
    old: str
    new: str


@attrs.frozen
class Mutant:
    """A broken tocsin: its name, what is broken, how, and the law (a test in this folder) that is to notice."""

    name: str
    breaks: str
    law: str
    edits: tuple[Edit, ...]


MUTANTS = (
    Mutant(
        "ignore and only swapped",
        "what is to be ignored is announced, and nothing else",
        "test_filters.py::test_notifiers_agree_with_the_reference[in_a_flow]",
        (
            Edit("core/notifiers.py", "return tuple(messenger.ignore_states)", "return tuple(messenger.only_states)"),
            Edit(
                "core/notifiers.py",
                "return tuple(messenger.only_states) or (State,)",
                "return tuple(messenger.ignore_states) or (State,)",
            ),
        ),
    ),
    Mutant(
        "only beats ignore",
        "a kind in both lists is announced",
        "test_filters.py::test_notifiers_agree_with_the_reference[in_a_flow]",
        (
            Edit(
                "core/notifiers.py",
                "return tuple(messenger.ignore_states)",
                "return tuple(messenger.ignore_states - messenger.only_states)",
            ),
            Edit("core/notifiers.py", "return ignored & only & self.when", "return (ignored | only) & self.when"),
        ),
    ),
    Mutant(
        "a Not that forgets",
        "the shortcut of a negation is that of what it negates",
        "test_filters.py::test_law[settles() agrees with it, or is None]",
        (Edit("core/filters/algebra.py", "return None if settled is None else not settled", "return settled"),),
    ),
    Mutant(
        "a later binding that merges",
        "an option bound again is added to what was bound before",
        "test_currying.py::test_law[an option bound later replaces the one bound before-slack]",
        (
            Edit(
                "shell/handlers/currying.py",
                "return attrs.evolve(self.notifier, **options)",
                "bound = {name: getattr(self.notifier, name) for name in options}\n"
                "        merged = {n: bound[n] | set(v) if v and isinstance(bound[n], frozenset) else v for n, v in options.items()}\n"
                "        return attrs.evolve(self.notifier, **merged)",
            ),
        ),
    ),
    Mutant(
        "a new state that is only equal",
        "the full call returns a copy",
        "test_currying.py::test_law[the full call returns the identical new state-slack]",
        (
            Edit(
                "shell/handlers/currying.py",
                "        tell(bound.notifier, tracked, old, new)\n        return new",
                "        tell(bound.notifier, tracked, old, new)\n        return attrs.evolve(new)",
            ),
        ),
    ),
    Mutant(
        "a handler chain that stops at the first notifier",
        "the handlers after the first one that notifies are not told",
        "test_machine.py::test_a_list_of_handlers_tells_what_its_parts_tell",
        (
            Edit(
                "core/machine.py",
                "            faults += notice.faults\n",
                "            faults += notice.faults\n            if notice.effects:\n                break\n",
            ),
        ),
    ),
    Mutant(
        "a key without its ordinal",
        "what a loop repeats has the key that it had before",
        "test_machine.py::test_no_two_announcements_have_the_same_key",
        (Edit("core/changes.py", "self.map_index, self.ordinal, position)", "self.map_index, 0, position)"),),
    ),
    Mutant(
        "an aborted run that is retried",
        "what was stopped from outside begins again",
        "test_transitions.py::test_a_finished_state_stays_so_but_for_the_rows_that_say_otherwise",
        (Edit("core/transitions.py", "s.Aborted: {e.RetryDue: REFUSED},", "s.Aborted: {},"),),
    ),
    Mutant(
        "a naive time",
        "a state takes a time that nobody can place",
        "test_values.py::test_no_state_and_no_event_takes_a_naive_time",
        (Edit("core/states.py", "if value.tzinfo is None or value.utcoffset() is None:", "if value is None:"),),
    ),
    Mutant(
        "an escape without &",
        "what somebody writes as an entity is read as markup",
        "test_messages.py::test_nothing_of_the_users_is_slack_markup",
        (Edit("core/messages/slack.py", 'text.replace("&", "&amp;").replace("<", "&lt;")', 'text.replace("<", "&lt;")'),),
    ),
)
