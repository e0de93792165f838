"""How fast tocsin is, as ratios to the cheapest thing that could do the same job."""
