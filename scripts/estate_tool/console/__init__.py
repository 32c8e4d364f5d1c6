"""Output for people: columns, progress, reports, pages."""
