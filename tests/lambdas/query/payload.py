"""Payload that makes `query` do all it can do: read hours."""

PAYLOAD = {"type": "flight.departed", "subject": "UA", "from": "2013-01-01T00:00:00Z"}
