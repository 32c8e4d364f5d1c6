"""Keys of the three tables. Each is a SHA-256 of netstrings (`5:hello,`), so no two lists of texts share one."""

from hashlib import sha256


def event_key(source: str, event_id: str) -> str:
    """Return the key of an event: the same for every delivery of the same (source, id), whatever else is in it."""
    return _digest(source, event_id)


def series_key(event_type: str, subject: str | None = None) -> str:
    """Return the key of the series of a type and a subject ("" is one), or of the type with all subjects together."""
    return _digest(event_type) if subject is None else _digest(event_type, subject)


def _digest(*parts: str) -> str:
    encoded = (part.encode("utf-8") for part in parts)
    return sha256(b"".join(b"%d:%b," % (len(part), part) for part in encoded)).hexdigest()
