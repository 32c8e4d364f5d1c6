"""Scope of the ARNs in a policy: one named resource, or a kind of them."""

import re

# Services whose ARNs begin with the resource's name; those of all others begin with its type.
_WITHOUT_TYPE = {"execute-api", "s3", "sns", "sqs"}
# Secrets Manager ends every ARN in a hyphen and six characters of its own ("Secrets Manager secret ARN").
_OF_SECRET = re.compile(r"secret:[^*?]+-\?{6}")


def is_scoped(arn: str) -> bool:
    """True if an ARN names one resource: a wildcard, if any, stands in a part of its own below the whole name."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or any("*" in part or "?" in part for part in parts[:5]):
        return False
    service, resource = parts[2], parts[5]
    fixed, wildcard = re.match(r"([^*?]*)([*?]?)", resource).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if not wildcard:
        return bool(resource)
    if service == "iam":
        return False  # a path names no role, but all that are made below it
    if service == "secretsmanager" and _OF_SECRET.fullmatch(resource):
        return True
    # A log group's name has slashes.
    names = re.split(":" if service == "logs" else "[:/]", fixed)[:-1]
    return len([name for name in names if name]) > (0 if service in _WITHOUT_TYPE else 1)
