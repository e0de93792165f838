"""Ten ways to break tocsin, as data; each must fail its law."""

import attrs


@attrs.frozen
class Edit:
    """A text that occurs once in a module of ``src/tocsin``, and its replacement."""

    module: str
    old: str
    new: str


@attrs.frozen
class Mutant:
    """A broken tocsin: its name, what breaks, the law (a test in this folder) that must fail, and the edits."""

    name: str
    breaks: str
    law: str
    edits: tuple[Edit, ...]


MUTANTS = (
    Mutant(
        "ignore and only swapped",
        "only the ignored kinds are announced",
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
            Edit("core/notifiers.py", "return ignored & only & messenger.when", "return (ignored | only) & messenger.when"),
        ),
    ),
    Mutant(
        "a Not that forgets",
        "the shortcut of a negation is that of the negated filter",
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
                "        announce_change(notifier, tracked, old, new)\n        return new",
                "        announce_change(notifier, tracked, old, new)\n        return attrs.evolve(new)",
            ),
        ),
    ),
    Mutant(
        "a handler chain that stops at the first notifier",
        "the handlers after the first one that notifies are skipped",
        "test_machine.py::test_a_list_of_handlers_yields_the_effects_of_its_parts",
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
        "a repeated turn of a loop has the key of the first",
        "test_machine.py::test_no_two_announcements_have_the_same_key",
        (Edit("core/changes.py", "self.map_index, self.ordinal, position)", "self.map_index, 0, position)"),),
    ),
    Mutant(
        "an aborted run that is retried",
        "a run that was stopped from outside is retried",
        "test_transitions.py::test_a_finished_state_stays_so_except_for_the_rows_that_leave_it",
        (Edit("core/transitions.py", "s.Aborted: {e.RetryDue: REFUSED},", "s.Aborted: {},"),),
    ),
    Mutant(
        "a naive time",
        "a state takes a time without a time zone",
        "test_values.py::test_no_state_and_no_event_takes_a_naive_time",
        (Edit("core/states.py", "if value.tzinfo is None or value.utcoffset() is None:", "if value is None:"),),
    ),
    Mutant(
        "an escape without &",
        "an entity in a user's text is read as markup",
        "test_messages.py::test_no_text_of_a_user_is_slack_markup",
        (Edit("core/messages/slack.py", 'text.replace("&", "&amp;").replace("<", "&lt;")', 'text.replace("<", "&lt;")'),),
    ),
)
