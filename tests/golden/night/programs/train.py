"""Trains for three thousand epochs, and notes the loss of each, until the loss is no number any more."""

from tocsin import watch
from tocsin.core.notifiers import Notifier


def step(weight: float, rate: float) -> tuple[float, float]:
    """Go down the slope of a parabola. With this rate, each step leads farther away from its foot."""
    weight -= rate * 2 * weight
    loss = weight * weight
    if loss == float("inf"):
        raise ArithmeticError(f"the loss is {loss}: the rate {rate} is too high")
    return weight, loss


def main(*handlers: Notifier) -> None:
    with watch("train", state_handlers=handlers) as run:
        weight, loss = 1.0, 1.0
        for epoch in range(3_001):
            run.note(f"epoch {epoch}: loss {loss:.4g}")
            weight, loss = step(weight, 1.0628)
