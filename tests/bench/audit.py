"""Time, calls and memory of an audit of 1,000 functions with logs, in a process that does nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from estate_tool.core.paths import ROOT
from tests.bench.harness import Measured, Row

# AWS answers at once: what is measured is the tool's own part, threads and botocore's checks of requests included.
_PROGRAM = """
import json, resource, sys, time
from collections import Counter
import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from estate_tool.audit.run import audit
from estate_tool.monitoring import metrics
from estate_tool.pricing import prices

FUNCTIONS, PAGE = int(sys.argv[1]), 50
ACCOUNT = "arn:aws:{}:us-east-1:111122223333:{}".format
BY_LAMBDA = '{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}'
TRUST = '{"Statement": [' + BY_LAMBDA + ']}'
ALLOWED = '{"Statement": [{"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": "*"}]}'
DURATIONS = {"calls": 5000, "lineP99": 180.5, "recordP99": 0, "first": 1_700_000_000_000}

def function(number):
    name = f"function-{number:04}"
    return {
        "FunctionName": name, "FunctionArn": ACCOUNT("lambda", f"function:{name}"), "MemorySize": 3008, "Timeout": 30,
        "Role": f"arn:aws:iam::111122223333:role/role-{number:04}", "CodeSha256": f"sha-{number // 2}",
        "Architectures": ["x86_64"],
    }

def memory_rows():
    for used in range(20):
        yield {
            "calls": 250, "@type": "REPORT", "@maxMemoryUsed": (400 + used) * 1_000_000, "@memorySize": 3_008_000_000,
            "lineBilled": 250 * 120, "lineColds": 1, "lineInits": 600, "lineInit": 600,
        }

def rows(params):
    found = [DURATIONS] if params["queryId"].endswith("pct") else memory_rows()
    return [[{"field": key, "value": str(value)} for key, value in row.items()] for row in found]

def functions(params):
    first = int(params.get("Marker") or 0)
    last = min(first + PAGE, FUNCTIONS)
    more = {"NextMarker": str(last)} if last < FUNCTIONS else {}
    return {"Functions": [function(number) for number in range(first, last)], **more}

def missing(params):
    raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no policy"}}, "GetPolicy")

ANSWERS = {
    "GetCallerIdentity": lambda params: {"Account": "111122223333"},
    "ListFunctions": functions,
    "GetPolicy": missing,
    "DescribeLogGroups": lambda params: {"logGroups": [
        {"logGroupName": f"/aws/lambda/function-{number:04}", "storedBytes": 10**9} for number in range(FUNCTIONS)
    ]},
    "ListRolePolicies": lambda params: {"PolicyNames": ["own"]},
    "GetRolePolicy": lambda params: {"PolicyDocument": ALLOWED},
    "GetRole": lambda params: {"Role": {"AssumeRolePolicyDocument": TRUST}},
    "StartQuery": lambda params: {"queryId": "pct" if "pct(" in params["queryString"] else "memory"},
    "GetQueryResults": lambda params: {"status": "Complete", "results": rows(params)},
}

asked = Counter()

def before_build(params, context, **_):
    context["arguments"] = dict(params)

def before_call(model, context, **_):
    asked[model.name] += 1
    return AWSResponse("", 200, {}, None), ANSWERS.get(model.name, lambda params: {})(context["arguments"])

session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
session.events.register("before-parameter-build", before_build)
session.events.register("before-call", before_call)
started = time.perf_counter()
result = audit(session, ["us-east-1"], metrics.since("14d"), prices.read(), lambda text: None)
seconds = time.perf_counter() - started
print(json.dumps({
    "seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "calls": sum(asked.values()), "found": Counter(finding["check"] for finding in result["findings"]),
}))
"""


def _audit(small: bool) -> Measured:
    functions = 20 if small else 1_000
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(functions)], cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "scripts", ROOT / "lambda_src")))},
    )  # fmt: skip
    report = json.loads(run.stdout)
    for check, expected in (
        ("memory-oversized", functions), ("code-copied", functions), ("action-wildcard", functions),
        ("logs-for-ever", functions), ("errors-unwatched", functions),
    ):  # fmt: skip
        assert report["found"].get(check) == expected, (check, report["found"])
    note = f"{functions:,} functions, {report['calls']:,} calls, {report['mb']:.0f} MB (goal: 500)"
    return Measured(a=report["seconds"], b=0, note=note)


ROWS = (
    Row(
        name="audit", what="1,000 functions with logs audited, AWS answering at once", against="", unit="s", goal=60,
        measure=_audit,
    ),
)  # fmt: skip
