"""The dashboard's page: what is asked for a widget, and that nothing from the account becomes markup."""

from __future__ import annotations

from estate_tool import dashboards


def test_a_widgets_metrics_become_queries() -> None:
    asked = dashboards.queries(
        {
            "period": 60,
            "metrics": [
                [{"id": "rate1", "expression": "m1 / PERIOD(m1)", "label": "read"}],
                ["AWS/DynamoDB", "Consumed", "TableName", "t", {"stat": "Sum", "id": "m1", "visible": False}],
                ["AWS/SQS", "Sent"],
            ],
        }
    )
    metric = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "Consumed",
        "Dimensions": [{"Name": "TableName", "Value": "t"}],
    }
    bare = {"Namespace": "AWS/SQS", "MetricName": "Sent", "Dimensions": []}
    assert asked == [
        {"Id": "rate1", "ReturnData": True, "Label": "read", "Expression": "m1 / PERIOD(m1)"},
        {"Id": "m1", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "q2", "ReturnData": True, "MetricStat": {"Metric": bare, "Period": 60, "Stat": "Average"}},
    ]


def test_nothing_from_the_account_becomes_markup() -> None:
    evil = "</script><script>alert(1)</script>"
    alarm = {"name": evil, "state": "ALARM", "reason": '"><b>'}
    series = {"label": evil, "times": ["2026-01-01T00:00:00+00:00"], "values": [1.5]}
    html = dashboards.page(
        {
            "name": evil, "environment": evil, "start": "a", "end": "b",
            "widgets": [
                {"type": "text", "title": evil, "text": evil},
                {"type": "alarm", "title": evil, "alarms": [alarm]},
                {"type": "metric", "title": evil, "limits": [], "series": [series]},
            ],
        }
    )  # fmt: skip
    assert evil not in html
    assert '"><b>' not in html
    assert html.count("</script>") == 3
