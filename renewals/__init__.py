"""What we want, and getting it."""
