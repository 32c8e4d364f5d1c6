import pulumi
import pytest

from foundation.upstream import Upstream
from tests.support.mocks import STACK_REFERENCE, UnexpectedCall, record

FOUNDATION = {"organization/foundation/dev": {"suffix": "dev", "role_arns": {"ingest": "arn:role"}, "empty": ""}}


def _exporting(*path: str) -> None:
    pulumi.export("value", Upstream("data", "foundation").require(*path))


@pytest.mark.parametrize(
    ("path", "value"), [(("suffix",), "dev"), (("role_arns", "ingest"), "arn:role"), (("empty",), "")]
)
def test_an_output_is_found_by_its_path(path: tuple[str, ...], value: str) -> None:
    assert record(lambda: _exporting(*path), upstream=FOUNDATION).outputs["value"] == value


def test_the_stack_of_the_same_name_is_read() -> None:
    recording = record(lambda: _exporting("suffix"), upstream=FOUNDATION)
    assert [item.name for item in recording.of(STACK_REFERENCE)] == ["organization/foundation/dev"]


@pytest.mark.parametrize("path", [("region",), ("role_arns", "query"), ("suffix", "deeper")])
def test_a_missing_output_names_the_layer_to_deploy(path: tuple[str, ...]) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        record(lambda: _exporting(*path), upstream=FOUNDATION)
    missing = f"layer foundation has no output {'.'.join(path)!r}"
    assert str(caught.value) == f"{missing}; deploy it first: scripts/deploy_layer.sh foundation dev"


def test_a_stack_that_was_destroyed_but_kept_names_the_layer_to_deploy() -> None:
    with pytest.raises(pulumi.RunError, match=r"deploy_layer\.sh foundation dev"):
        record(lambda: _exporting("suffix"), upstream={"organization/foundation/dev": {}})


def test_a_stack_of_another_environment_does_not_answer() -> None:
    with pytest.raises(UnexpectedCall, match="organization/foundation/prod"):
        record(lambda: _exporting("suffix"), stack="prod", upstream=FOUNDATION)


@pytest.mark.parametrize(("reader", "name"), [("data", "compute"), ("data", "data"), ("foundation", "data")])
def test_reading_against_the_order_is_refused(reader: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"layer {reader} does not read {name}"):
        Upstream(reader, name)
