"""A configuration is refused in one sentence that names the file and the field."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vit_perception.data.labelling.config import LabellingConfig, Thresholds, read_config


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    config = LabellingConfig(
        Thresholds(0.4, 0.1),
        {"cup": Thresholds(0.6, 0.3)},
        {"yolox_nano": 0.5},
        mirror=True,
        tiles=("yolox_nano",),
        ellipses=False,
    )
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config.as_yaml()))
    assert read_config(file) == config
    file.write_text("")
    assert read_config(file) == LabellingConfig()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("thresholds: {accept: 0.1, reject: 0.2}", "reject is the lower one"),
        ("thresholds: {accept: 2}", "0 to 1"),
        ("thresholds: {maybe: 0.1}", "unknown field maybe"),
        ("thresholds: 0.5", "thresholds is no mapping"),
        ("by_class: {cup: 0.5}", "by_class.cup is no mapping"),
        ("by_class: [cup]", "by_class is no mapping"),
        ("weights: {a: 0}", "the weight of a is 0"),
        ("mirror: 1", "mirror is 1: give true or false"),
        ("tiles: yolox_nano", "tiles are 'yolox_nano': give a list"),
        ("fusion_iou: high", "fusion_iou is 'high'"),
        ("speed: 3", "unknown field speed"),
        ("[1, 2]", "no mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        read_config(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no"):
        read_config(tmp_path / "absent.yaml")
