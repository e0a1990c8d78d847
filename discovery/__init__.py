"""How we come to know."""
