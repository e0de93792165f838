"""Benchmarks: ratios of tocsin's cost to that of the cheapest way to do the same job."""
