"""The amounts of unbounded tests: examples of a property, kills, faults of a disk, and failures while a destination hangs.

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
    """The amounts of one profile.

    Args:
        laws: the number of examples of each test in tests/laws.
        examples: the number of examples of each other property.
        kills: the number of times that tests/kill kills a process at a random moment.
        stride: faults of a disk are tried whose number is a multiple of it; 1 tries all.
        failures: the number of failures while a destination hangs.
        shrinks: whether Hypothesis looks for the simplest example that fails.
        fresh: whether each run draws new examples. Measured runs do not, so that the coverage stays the same.
    """

    laws: int
    examples: int
    kills: int
    stride: int
    failures: int = 20_000
    shrinks: bool = True
    fresh: bool = True

    def settings(self, examples: int, *, fresh: bool = True) -> settings:
        """Return the settings of Hypothesis. They have no deadline, since the machine may be busy."""
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
    "measured": Profile(laws=10, examples=20, kills=20, stride=11, fresh=False),
    "gate": Profile(laws=50, examples=50, kills=40, stride=7),
    "deep": Profile(laws=200, examples=200, kills=1000, stride=1, failures=1_000_000),
    "mutant": Profile(laws=2000, examples=50, kills=0, stride=7, shrinks=False),  # it ends at the first example that fails
}


def named(environ: Mapping[str, str]) -> Profile:
    """Return the profile that the environment names."""
    profile = PROFILES[environ.get("TOCSIN_PROFILE") or ("gate" if environ.get("CI") else "desk")]
    return attrs.evolve(profile, kills=int(environ.get("TOCSIN_KILLS") or profile.kills))


PROFILE: Final = named(os.environ)
