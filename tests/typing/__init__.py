"""Type tests of tocsin: files that type checkers read, and that are never executed."""
