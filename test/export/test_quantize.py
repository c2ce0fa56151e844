"""int8 graphs: near to the exact answers, chosen by themselves, and small."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vit_perception import cli
from vit_perception.cards.card import load_card
from vit_perception.export.quantize import only_for
from vit_perception.runtime.engines.openvino import OpenVinoEngine
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.predictor import Predictor

pytest.importorskip("nncf", reason="NNCF is not installed")
pytest.importorskip("openvino", reason="openvino is not installed")

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


def frames(count):
    """Blurred noise: structure at several scales, as photographs have."""
    rng = np.random.default_rng(5)
    small = rng.integers(0, 256, (count, 12, 16, 3), np.uint8)
    return [cv2.resize(frame, (160, 120)) for frame in small]


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    folder = tmp_path_factory.mktemp("camera")
    for index, frame in enumerate(frames(12)):
        cv2.imwrite(str(folder / f"{index}.png"), frame)
    return folder


@pytest.fixture(scope="module")
def quantized(camera, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny_int8"
    assert cli.main(["quantize", str(TINY), "--data", str(camera), "--output", str(folder), "--keep"]) == 0
    return folder


def test_every_output_stays_near(quantized):
    card = load_card(quantized)
    exact, fast = OpenVinoEngine(card, "fp32"), OpenVinoEngine(card, "int8")
    image = np.stack(frames(4))[:, :84, :112].copy()
    expected, got = exact(image), fast(image)
    for name, values in expected.items():
        error = np.sqrt(np.mean((got[name] - values) ** 2))
        # Random weights pass errors on as trained ones do not.
        assert 0 < error < 0.4 * np.sqrt(np.mean(values**2)), name


def test_the_answers_stay(quantized):
    exact, fast = (Predictor(quantized, "openvino", precision=name) for name in ("fp32", "int8"))
    agreeing = [
        np.mean(exact(frame).segmentation.mask == fast(frame).segmentation.mask) for frame in frames(8)
    ]
    assert np.mean(agreeing) > 0.9


def test_the_folder_lists_and_verifies_it(quantized):
    card = yaml.safe_load((quantized / "model.yaml").read_text())
    assert card["files"]["int8"] == "model_int8.xml"
    assert {"model_int8.xml", "model_int8.bin"} <= set(card["sha256"])
    assert card["metrics"]["int8"]["frames"] == 3  # of 12: the others made the ranges
    assert card["metrics"]["int8"]["mask_agreement"] > 90


def test_a_damaged_graph_is_refused(quantized, tmp_path):
    damaged = shutil.copytree(quantized, tmp_path / "damaged")
    with (damaged / "model_int8.bin").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ValueError, match=r"model_int8\.bin"):
        Predictor(damaged)


def test_parts_can_stay_exact(camera, tmp_path, capsys):
    folder = tmp_path / "kept"
    arguments = ["quantize", str(TINY), "--data", str(camera), "--output", str(folder)]
    errors = []
    for keep in ((), ("heads", "attention")):
        assert cli.main([*arguments, "--keep", *keep]) == 0
        printed = capsys.readouterr().out
        assert f"kept: {', '.join(keep) or 'nothing'}" in printed
        errors.append(float(printed.split("error ")[1].split()[0]))
    graph = (folder / "model_int8.xml").read_text()
    assert graph.count('type="FakeQuantize"') > 10
    # Each is of the graph itself: less of it in int8 is nearer to fp32.
    assert 0 < errors[1] < errors[0]


@pytest.mark.parametrize(
    ("keep", "reason"), [(["legs"], "unknown part 'legs': choose from patch_embed, first_block")]
)
def test_an_unknown_part_is_named(camera, tmp_path, keep, reason, capsys):
    output = tmp_path / "out"
    arguments = ["quantize", str(TINY), "--data", str(camera), "--output", str(output), "--keep", *keep]
    assert cli.main(arguments) == 1
    assert reason in capsys.readouterr().err


def test_a_navigator_is_not_quantized(camera, tmp_path):
    folder = tmp_path / "navigator_int8"
    navigator = TINY.parent / "tiny_navigator"
    assert (
        cli.main(["quantize", str(navigator), "--data", str(camera), "--output", str(folder), "--keep"]) == 0
    )
    engine = OpenVinoEngine(load_card(folder), "int8", cached=False)
    whole = engine.compiler.whole_graph()
    kinds = {node.get_friendly_name(): node.get_type_name() for node in whole.get_ops()}
    own = only_for(whole, "navigation")
    assert sum(kinds[name] == "MatMul" for name in own) > 20
    assert not [name for name in own if kinds[name] == "FakeQuantize"]
    assert "FakeQuantize" in kinds.values(), "but the rest is"
    depth = np.full((120, 160), 2.0, np.float32)
    found = Predictor(folder, "openvino", precision="int8")(
        frames(1)[0], navigation=NavigationInput(depth, (2.0, 0.5))
    )
    assert found.navigation.path.shape == (8, 2)
