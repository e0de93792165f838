"""How many examples a law is shown: 200 where ``CI`` is set, drawn afresh each time; fewer at the desk, and against a mutant."""

import os

from hypothesis import HealthCheck, Phase, settings

_SLOW = (HealthCheck.too_slow,)
_UNSHRUNK = (Phase.explicit, Phase.generate)  # that a mutant is noticed is enough; how it could be seen best is not asked

settings.register_profile("ci", max_examples=200, deadline=None, derandomize=False, print_blob=True, suppress_health_check=_SLOW)
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("mutants", max_examples=50, deadline=None, database=None, phases=_UNSHRUNK, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("TOCSIN_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
