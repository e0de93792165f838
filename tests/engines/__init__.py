"""Real engines, at pinned releases: what they say of real runs, and what we tell of it."""
