"""A model file that is not the one its card describes is refused before it is read."""

import shutil
from pathlib import Path

import pytest

from vit_perception.cards.card import load_card
from vit_perception.cards.integrity import LFS_POINTER, verify
from vit_perception.runtime.predictor import Predictor

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


def test_the_tiny_model_is_whole():
    verify(load_card(TINY), ("onnx", "weights"))


def test_one_changed_byte(copy):
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    verify(load_card(copy), ("onnx",))
    with pytest.raises(
        ValueError, match=r"model\.safetensors .* is incomplete or was changed: .* install or clone"
    ):
        verify(load_card(copy), ("onnx", "weights"))
    with pytest.raises(ValueError, match="incomplete or was changed"):
        Predictor(copy)


def test_a_truncated_file(copy):
    graph = copy / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.onnx .* is incomplete"):
        verify(load_card(copy), ("onnx",))


def test_a_git_lfs_pointer_says_how_to_get_the_file(copy):
    (copy / "model.safetensors").write_bytes(LFS_POINTER + b"v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ValueError, match="git lfs pull"):
        verify(load_card(copy), ("weights",))


def test_a_missing_file(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        Predictor(copy)
