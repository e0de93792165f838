"""How much of what has no end is shown: examples of a property, kills, and faults of a disk.

``TOCSIN_PROFILE`` names the profile. Where it is not set, it is ``gate`` in CI and ``desk`` elsewhere. ``TOCSIN_KILLS`` overrides the
number of kills.
"""

import os
from collections.abc import Mapping
from typing import Final

import attrs
from hypothesis import HealthCheck, Phase, settings


@attrs.frozen(kw_only=True)
class Profile:
    """The amounts.

    Args:
        laws: how many examples each test in tests/laws is shown.
        examples: how many examples each other property is shown.
        kills: how many times tests/kill kills a process at a random moment.
        stride: each fault of a disk whose number is a multiple of it is tried; 1 for every one.
        shrinks: whether Hypothesis looks for the simplest example that fails.
        fresh: whether a law's examples are others each time. Where coverage is measured they are not, so that it is the same each time.
    """

    laws: int
    examples: int
    kills: int
    stride: int
    shrinks: bool = True
    fresh: bool = True

    def settings(self, examples: int, *, fresh: bool = True) -> settings:
        """What Hypothesis is to know. It keeps no time, since the machine may be busy."""
        usual = settings(
            max_examples=examples,
            deadline=None,
            derandomize=False,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],
        )
        drawn = usual if fresh else settings(usual, derandomize=True, database=None)
        return drawn if self.shrinks else settings(drawn, database=None, phases=[Phase.explicit, Phase.generate])


PROFILES: Final[Mapping[str, Profile]] = {
    "quick": Profile(laws=10, examples=10, kills=4, stride=29),
    "desk": Profile(laws=50, examples=50, kills=20, stride=7),
    "measured": Profile(laws=50, examples=50, kills=40, stride=7, fresh=False),
    "gate": Profile(laws=200, examples=50, kills=40, stride=7),
    "deep": Profile(laws=200, examples=200, kills=1000, stride=1),
    "mutant": Profile(laws=50, examples=50, kills=0, stride=7, shrinks=False),
}


def named(environ: Mapping[str, str]) -> Profile:
    """The profile that is asked for."""
    profile = PROFILES[environ.get("TOCSIN_PROFILE") or ("gate" if environ.get("CI") else "desk")]
    return attrs.evolve(profile, kills=int(environ.get("TOCSIN_KILLS") or profile.kills))


PROFILE: Final = named(os.environ)
