"""Names of the IANA time zone database."""

from zoneinfo import ZoneInfo

ALLOWED = "a name of the IANA time zone database, such as Europe/Berlin"


def is_time_zone(value: str) -> bool:
    """True if the zone is known; on a machine without a time zone database every name passes, and AWS decides."""
    return _is_known(value) or not _is_known("Europe/London")


def _is_known(zone: str) -> bool:
    try:
        return ZoneInfo(zone).key == zone
    except (OSError, ValueError, LookupError):
        return False
