"""Hourly buckets and totals out of table-aggregates."""
