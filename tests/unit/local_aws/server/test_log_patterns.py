"""Filter patterns on JSON and on space-delimited lines: what matches, and what its fields are."""

from __future__ import annotations

import json

import pytest

from local_aws.server.log_patterns import Invalid, matcher, number

REPORT = json.dumps(
    {
        "type": "platform.report",
        "record": {"metrics": {"maxMemoryUsedMB": 93}, "status": "success"},
        "tags": ["a", "b"],
        "cold": True,
        "a b": 'say "hi"',
    }
)
LINE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(("pattern", "matches"), [
    ('{ ($.type = "platform.report") && ($.record.metrics.maxMemoryUsedMB > 0) }', True),
    ('{ $.type = "platform.*" }', True),
    ('{ $.type = "platform.start" }', False),
    ('{ $.type != "platform.start" }', True),
    ("{ $.record.metrics.maxMemoryUsedMB >= 94 }", False),
    ("{ $.record.metrics.maxMemoryUsedMB = 93 }", True),
    ('{ $.type = "x" || $.record.status = success }', True),
    ('{ ($.type = "x" || $.tags[1] = "b") && $.missing NOT EXISTS }', True),
    ("{ $.missing = 1 }", False),
    ("{ $.missing != 1 }", False),
    ("{ $.record.status = %^succ.*% }", True),
    ("{ $.record.status = %^ucc% }", False),
    ("{ $.record.status = %^succes$% }", False),
    ("{ $.missing IS NULL }", True),
    ("{ $.cold IS TRUE && $.tags[2] NOT EXISTS }", True),
    ("{ $.cold IS FALSE }", False),
    ('{ $["a b"] = "say \\"hi\\"" }', True),
])  # fmt: skip
def test_patterns_on_json_match_by_field(pattern: str, matches: bool) -> None:
    assert (matcher(pattern)(REPORT) is not None) is matches


@pytest.mark.parametrize(("pattern", "matches"), [
    ("[ip, id, user, time, request, status, size]", True),
    ("[ip, id, user, time, request, status = 4*, size > 1000]", True),
    ("[ip, id, user, time, request, status = 5*, size]", False),
    ("[ip, ..., status = 404, size]", True),
    ("[ip, ..., status = 4* && status != 403, size]", True),
    ("[ip, size]", False),
    ("[a, b, c, d, e, ..., f, g, h]", False),
    ('[..., request = "GET *", status, size]', True),
])  # fmt: skip
def test_patterns_on_lines_match_by_column(pattern: str, matches: bool) -> None:
    assert (matcher(pattern)(LINE) is not None) is matches


def test_a_match_has_its_fields() -> None:
    of_json, of_line = matcher("{ $.type = * }")(REPORT), matcher("[ip, ..., size]")(LINE)
    assert of_json is not None
    assert of_line is not None
    assert number(of_json("$.record.metrics.maxMemoryUsedMB")) == 93
    assert of_json("$.tags[0]") == "a"
    assert of_json("$.tags[7]") is None
    assert number(of_line("$size")) == 1534


def test_text_is_no_match_for_a_pattern_on_json() -> None:
    assert matcher("{ $.type = * }")("REPORT RequestId: 1") is None


@pytest.mark.parametrize("pattern", [
    "{ $.a = }", "{ a = 1 }", "{ ($.a = 1 }", "{ $.a ~ 1 }", "{ $.a > x }", "[a, ..., b, ...]", "words",
    "{ $.a = 1 2 }", "{ $.a IS SOMETHING }", "[, b]", "{ _0 && $.a = 1 }", "{ $.a = 1 & $.b = 2 }", "{ () }", "{ }",
])  # fmt: skip
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        matcher(pattern)
