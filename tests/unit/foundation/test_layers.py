from pathlib import Path

import pytest
import yaml

from foundation.layers import LAYER_NAMES, LAYERS, layer, project, readers


def test_a_layer_reads_only_layers_that_stand_before_it() -> None:
    for position, item in enumerate(LAYERS):
        assert set(item.reads) <= set(LAYER_NAMES[:position])


def test_the_order_is_foundation_data_compute_observability() -> None:
    assert LAYER_NAMES == ("foundation", "data", "compute", "observability")


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_readers_are_the_reverse_of_reads(name: str) -> None:
    assert set(readers(name)) == {item.name for item in LAYERS if name in item.reads}
    assert all(LAYER_NAMES.index(reader) > LAYER_NAMES.index(name) for reader in readers(name))
    assert name in LAYER_NAMES


def test_a_layer_is_found_by_its_name() -> None:
    assert tuple(layer(name) for name in LAYER_NAMES) == LAYERS


def test_an_unknown_layer_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="network"):
        layer("network")


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_a_project_has_the_name_in_its_file(name: str) -> None:
    file = Path(__file__).parents[3] / name / "Pulumi.yaml"
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["name"] == project(name)
