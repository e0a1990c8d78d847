"""Pages about people: first run, invitation, profile, audit log."""
