"""Support of several test tiers."""
