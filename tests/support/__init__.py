"""What several test tiers use."""
