"""First steps with an account, before anything is rolled out."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from foundation.layers import LAYER_NAMES
from tests.integration.commands import layer_results

# The exit code of the engine for it, which is not one of ours.
NO_SUCH_STACK = 6

if TYPE_CHECKING:
    from tests.account.account import Account, Checkout


def examined(run: Checkout, code: int = 0) -> dict[str, dict[str, Any]]:
    checks = json.loads(run("scripts/estate", "doctor", "dev", "--json", code=code).stdout)["checks"]
    return {check["name"]: check for check in checks}


def test_a_new_account_is_refused_for_its_quota_until_provisioned_concurrency_is_waived(new_account: Account) -> None:
    run = new_account.checkout()
    for flags in (["--yes"], ["--preview"]):
        refused = run("scripts/deploy_all.sh", "dev", *flags, code=2)
        assert "quota of 10 concurrent executions" in refused.stderr
        assert "nothing was touched" in refused.stderr
        assert "--quota-code L-B99A9384 --desired-value 1000" in refused.stderr
    quota = examined(run, code=1)["concurrency quota"]
    assert (quota["ok"], quota["needed"]) == (False, True)
    assert "aws service-quotas request-service-quota-increase" in quota["fix"]
    assert new_account.listed() == Counter()

    run.configure(compute__provisionedMinimum=0, compute__provisionedWaivedUntil="9999-12-31")
    planned = run("scripts/deploy_all.sh", "dev", "--preview", "--json")
    report = json.loads(planned.stdout)
    assert layer_results(report) == dict.fromkeys(LAYER_NAMES, "planned")
    assert sum(layer["created"] for layer in report["layers"]) > 100
    (waived,) = [note for layer in report["layers"] for note in layer["notes"]]
    assert "query-function" in waived
    assert "waived until 9999-12-31" in waived
    assert "waived until 9999-12-31" in planned.stderr
    assert "query-warm" not in planned.stderr
    assert "spillover" not in planned.stderr
    assert "concurrency quota" not in examined(run)
    assert new_account.listed() == Counter()


@pytest.mark.parametrize("kept", ["account", "bucket_account"])
def test_a_machine_that_is_ready_is_well_by_variable_and_by_login(kept: str, request: pytest.FixtureRequest) -> None:
    account: Account = request.getfixturevalue(kept)
    by_variable = examined(account.checkout())
    assert {name for name, check in by_variable.items() if not check["ok"]} <= {"packages"}
    assert account.backend in by_variable["Pulumi backend"]["found"]
    assert "PULUMI_BACKEND_URL" in by_variable["Pulumi backend"]["found"]
    run = account.checkout(without=("PULUMI_BACKEND_URL",))
    assert not examined(run, code=1)["Pulumi backend"]["ok"]
    run("scripts/estate", "pulumi", "login", account.backend)
    by_login = examined(run)
    assert account.backend in by_login["Pulumi backend"]["found"]
    assert "pulumi login" in by_login["Pulumi backend"]["found"]
    run("scripts/estate", "pulumi", "logout")


def test_what_is_missing_is_reported_with_the_next_command(account: Account) -> None:
    no_passphrase = examined(account.checkout(without=("PULUMI_CONFIG_PASSPHRASE",)), code=1)
    assert {name for name, check in no_passphrase.items() if not check["ok"] and check["needed"]} == {"passphrase"}
    assert "PULUMI_CONFIG_PASSPHRASE" in no_passphrase["passphrase"]["fix"]
    nowhere = account.checkout(PULUMI_BACKEND_URL=f"file://{account.folder}/nowhere")
    backend = examined(nowhere, code=1)["Pulumi backend"]
    assert f"{account.folder}/nowhere" in backend["found"]
    assert "scripts/estate pulumi login" in backend["fix"]


def test_endpoints_of_a_profile_are_named_and_refused(account: Account) -> None:
    run = account.checkout(without=("ESTATE_ALLOW_ENDPOINTS",))
    for command in (("deploy_all.sh", "dev", "--yes"), ("destroy_all.sh", "dev", "--yes"), ("estate", "drift", "dev")):
        refused = run(f"scripts/{command[0]}", *command[1:], code=2).stderr
        assert f"endpoint_url = {account.aws.endpoint} in profile default of {account.folder}/aws-config" in refused
        assert account.autoscaling_endpoint in refused
        assert "nothing was touched" in refused
    assert account.aws.endpoint in examined(run, code=1)["configuration"]["found"]


def test_the_engine_of_the_tool_runs_with_nothing_on_path(account: Account) -> None:
    run = account.checkout()
    assert run("scripts/estate", "pulumi", "version").stdout.startswith("v3.")
    assert account.backend in run("scripts/estate", "pulumi", "whoami", "--verbose").stdout
    layer = ("--cwd", str(run.root / "data"))
    run("scripts/estate", "pulumi", "stack", "init", "dev", *layer)
    listed = json.loads(run("scripts/estate", "pulumi", "stack", "ls", "--json", *layer).stdout)
    assert [stack["name"] for stack in listed] == ["dev"]
    failed = run("scripts/estate", "pulumi", "stack", "export", "--stack", "nosuch", *layer, code=NO_SUCH_STACK)
    assert "no stack named 'nosuch' found" in failed.stderr
    run("scripts/estate", "pulumi", "stack", "rm", "dev", "--yes", *layer)
