"""What other engines say of their runs, and what it means: one module for each engine, and what they have in common."""
