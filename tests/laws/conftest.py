"""How many examples a law is shown: 200 where ``CI`` is set, drawn afresh each time; fewer at the desk, and against a mutant."""

import os

from hypothesis import HealthCheck, settings

_SLOW = (HealthCheck.too_slow,)

settings.register_profile("ci", max_examples=200, deadline=None, derandomize=False, print_blob=True, suppress_health_check=_SLOW)
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("mutants", max_examples=60, deadline=None, database=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("TOCSIN_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
