"""Pages about mails: what would be said today, what was sent, who was told."""
