import json

from foundation.catalog import CATALOG
from foundation.model import ScheduleTrigger
from foundation.naming import Arns, Names
from foundation.policies import execution_policy, trust_policy
from tests.support.mocks import outputs_of, roll_out

ARNS = Arns(names=Names("dev"), account="123456789012", region="us-east-1")

SCHEDULED = [one.name for one in CATALOG.functions if isinstance(one.trigger, ScheduleTrigger)]


def test_every_function_has_a_role_with_exactly_its_own_policy() -> None:
    recording = roll_out("foundation")["foundation"]
    for function in CATALOG.functions:
        role = recording.one("iam/role:Role", name=f"role-{function.name}-dev")
        assert json.loads(role.inputs["assumeRolePolicy"]) == trust_policy("123456789012")
        policy = recording.one("RolePolicy", role=role.inputs["name"])
        assert json.loads(policy.inputs["policy"]) == execution_policy(function, ARNS, CATALOG.secrets)
    assert len(recording.of("iam/role:Role")) == len(CATALOG.functions) + len(SCHEDULED)


def test_the_outputs_are_where_the_environment_is_and_who_runs_in_it() -> None:
    outputs = outputs_of("foundation", config={"foundation:owner": "team-a", "foundation:costCenter": "42"})
    roles = {
        function.name: f"arn:aws:iam::123456789012:role/role-{function.name}-dev" for function in CATALOG.functions
    }
    of_schedules = {name: f"arn:aws:iam::123456789012:role/schedule-{name}-dev" for name in SCHEDULED}
    assert outputs == {
        "suffix": "dev",
        "account": "123456789012",
        "region": "us-east-1",
        "partition": "aws",
        "project": "estate",
        "owner": "team-a",
        "cost_center": "42",
        "role_arns": roles,
        **({"schedule_role_arns": of_schedules} if SCHEDULED else {}),
    }


def test_the_configured_suffix_replaces_the_stacks_name_in_every_layer() -> None:
    config = {"foundation:environmentSuffix": "green"}
    for recording in roll_out("compute", config=config).values():
        assert {item.tags["Environment"] for item in recording.resources if item.tags} == {"green"}
