"""Runs in the checkers' own environment: CloudFormation templates as JSON on stdin, cfn-lint's findings on stdout.

In: {name: template}. Out: [{"template", "rule", "path", "detail"}], with `path` as `Resources/Name/Properties/…`.
"""

import json
import sys
from collections.abc import Iterator

from cfnlint.api import ManualArgs, lint

# I4010 wants each resource explained in the template's metadata; these templates are made for the linter alone.
SETTINGS = ManualArgs(regions=["us-east-1"], include_checks=["I"], ignore_checks=["I4010"])


def findings(name: str, text: str) -> Iterator[dict[str, str]]:
    """Errors, warnings and remarks about one template."""
    for match in lint(text, config=SETTINGS):
        path = "/".join(str(part) for part in match.path or [])
        yield {"template": name, "rule": match.rule.id, "path": path, "detail": match.message}


if __name__ == "__main__":
    templates = json.load(sys.stdin)
    found = [item for name, template in templates.items() for item in findings(name, json.dumps(template, indent=1))]
    json.dump(found, sys.stdout)
