"""A stateful test of the outbox against its model: it agrees, no message is lost, and in the end none waits."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.outbox_machine import OutboxMachine
from tests.profile import PROFILE


def test_an_outbox_and_its_model_agree_whatever_happens() -> None:
    """Run fewer examples than other laws, since each is long and has its own file."""
    few = min(PROFILE.laws // 3, 25)  # each takes a second on a busy machine
    run_state_machine_as_test(OutboxMachine, settings=settings(settings.get_profile("laws"), max_examples=few, stateful_step_count=50))
