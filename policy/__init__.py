"""What is wrong, and what was accepted until when."""
