import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs torch: make test installs it")
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="the parity check needs onnxruntime: make test installs it"
)
onnx = pytest.importorskip("onnx", reason="export needs onnx: make test installs it")
pytest.importorskip("onnxscript", reason="torch exports with onnxscript: make test installs it")

from tiny_model import tiny_card, tiny_navigator_card
from vit_perception.cards.card import load_card
from vit_perception.export import export as export_module
from vit_perception.export.examples import example_inputs
from vit_perception.export.export import export
from vit_perception.model import build_model
from vit_perception.runtime.engines.torch import load_model

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(1)
    card = tiny_card()
    model = build_model(card.architecture).eval()
    return model, folder, export(model, card, folder)


@pytest.mark.parametrize("card", [tiny_card(), tiny_navigator_card()], ids=lambda card: card.name)
def test_the_tiny_models_of_the_tests_have_these_cards(card):
    fixture = load_card(FIXTURES / card.name)
    expected = dataclasses.replace(card, files=fixture.files, sha256=fixture.sha256)
    assert plain(fixture) == plain(expected)


def plain(card):
    """The fields of a card; the architecture as JSON, which knows only one kind of list."""
    return {**dataclasses.asdict(card), "folder": "", "architecture": json.dumps(card.architecture)}


def test_graph_agrees_with_torch(exported):
    _, _, differences = exported
    assert len(differences) == 8
    assert max(differences.values()) < 1e-5


def test_graph_takes_any_batch_and_grid(exported):
    model, folder, _ = exported
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).standard_normal((3, 3, 70, 42)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(image), attention=True)
    for (name, value), actual in zip(
        expected.items(), session.run(list(expected), {"image": image}), strict=True
    ):
        np.testing.assert_allclose(actual, value.numpy(), atol=1e-4, rtol=1e-4, err_msg=name)


def test_a_graph_with_a_navigator_takes_any_batch_and_grid():
    card = load_card(FIXTURES / "tiny_navigator")
    model = load_model(card)
    session = onnxruntime.InferenceSession(str(card.file("onnx")), providers=["CPUExecutionProvider"])
    given = {"image": np.random.default_rng(0).standard_normal((3, 3, 70, 42)).astype(np.float32)}
    given |= example_inputs(card, 3, (70, 42))
    assert {each.name for each in session.get_inputs()} == set(given) == {"image", *model.inputs}
    with torch.no_grad():
        expected = model(attention=True, **{name: torch.from_numpy(value) for name, value in given.items()})
    for (name, value), actual in zip(expected.items(), session.run(list(expected), given), strict=True):
        np.testing.assert_allclose(actual, value.numpy(), atol=1e-4, rtol=1e-4, err_msg=name)


def test_card_lists_the_files_that_are_there(exported):
    _, folder, _ = exported
    card = load_card(folder)
    assert (
        set(card.sha256)
        == {"model.onnx", "model.safetensors"}
        == {p.name for p in folder.iterdir()} - {"model.yaml"}
    )
    for name, digest in card.sha256.items():
        path = folder / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        assert path.stat().st_mode & 0o044 == 0o044, "every user of the robot may read the model"


def test_weights_are_stored_once(exported):
    model, folder, _ = exported
    halves = sum(2 * p.numel() for p in model.parameters() if p.ndim > 1)
    assert (folder / "model.safetensors").stat().st_size < halves + 30_000
    # The graph is structure; not even one matrix of any size may hide in it.
    assert b"blocks.0.mlp.fc1.weight" in (folder / "model.onnx").read_bytes()
    proto = onnx.load(str(folder / "model.onnx"), load_external_data=False)
    assert max(len(tensor.raw_data) for tensor in proto.graph.initializer) < 1000


def test_graph_that_disagrees_is_no_model(exported, tmp_path, monkeypatch):
    # The graph of the same architecture, which need not be made again.
    graph = onnx.load(str(exported[1] / "model.onnx"), load_external_data=False)
    monkeypatch.setattr(export_module, "graph_of", lambda model, size: graph)
    monkeypatch.setattr(export_module, "PARITY", 0.0)
    card = dataclasses.replace(tiny_card(), name="wrong")
    with pytest.raises(ValueError, match="ONNX differs from torch"):
        export(build_model(card.architecture), card, tmp_path / "wrong")
    assert not (tmp_path / "wrong" / "model.yaml").exists()
