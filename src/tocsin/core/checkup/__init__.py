"""What ``tocsin check`` makes of what it sees, as pure functions: findings, and for each fault its remedy."""
