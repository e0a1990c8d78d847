"""Who you are, what you may see, what was done."""
