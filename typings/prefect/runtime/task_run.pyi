run_count: int
