"""What people pass as a checkpoint: each wrong thing gets one sentence that says what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from safetensors.torch import save_file
from torch import nn

from vit_perception.backbones.registry import make_backbone
from vit_perception.backbones.vit import ViTConfig
from vit_perception.checkpoints.files import read_checkpoint
from vit_perception.checkpoints.load import load_backbone

CONFIG = ViTConfig(patch_size=8, embed_dim=64, depth=2, num_heads=1, pos_grid=(4, 4))


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return dict(make_backbone(CONFIG).state_dict())


def test_a_safetensors_file_a_torch_file_and_their_folder(state: dict[str, Any], tmp_path: Path) -> None:
    save_file(state, tmp_path / "weights.safetensors")
    torch.save(state, tmp_path / "elsewhere.pth")
    (tmp_path / "alone").mkdir()
    save_file(state, tmp_path / "alone" / "weights.safetensors")
    for source in ("weights.safetensors", "elsewhere.pth", "alone"):
        read, settings = read_checkpoint(tmp_path / source)
        assert set(read) == set(state)
        assert torch.equal(read["norm.weight"], state["norm.weight"])
        assert settings == {}


def test_shards_are_put_together(state: dict[str, Any], tmp_path: Path) -> None:
    names = sorted(state)
    halves = {"a.safetensors": names[: len(names) // 2], "b.safetensors": names[len(names) // 2 :]}
    for file, half in halves.items():
        save_file({name: state[name] for name in half}, tmp_path / file)
    weight_map = {name: file for file, half in halves.items() for name in half}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert set(read_checkpoint(tmp_path)[0]) == set(state)
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"b\.safetensors is missing, which the index"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("holder", ["model", "state_dict", "teacher"])
@pytest.mark.parametrize("wrapper", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_what_training_scripts_save(holder: str, wrapper: str, state: dict[str, Any], tmp_path: Path) -> None:
    wrapped = {wrapper + name: tensor for name, tensor in state.items()}
    torch.save({holder: wrapped, "epoch": 3, "optimizer": {}}, tmp_path / "last.pth")
    assert set(read_checkpoint(tmp_path / "last.pth")[0]) == set(state)


WRONG: dict[str, tuple[str, bytes, str]] = {
    "git lfs": ("a.pth", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "git lfs safetensors": (
        "a.safetensors",
        b"version https://git-lfs.github.com/spec/v1\n",
        "Git LFS pointer",
    ),
    "html": ("a.pth", b"<!DOCTYPE html><html>", "a web page"),
    "html safetensors": ("a.safetensors", b"<!DOCTYPE html><html>" * 9, "a web page"),
    "hdf5": ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "Keras"),
    "onnx": ("a.onnx", b"\x08\x08\x12\x07pytorch", "ONNX"),
    "json": ("config.json", b"{}", "a JSON file"),
    "empty": ("a.pth", b"", "is no torch file: it starts with b''"),
    "cut safetensors": ("a.safetensors", b"\x40\x00\x00\x00\x00\x00\x00\x00{", "not a whole safetensors"),
    "cut torch": ("a.pth", b"PK\x03\x04" + bytes(40), "not a whole torch file"),
    "cut legacy torch": ("a.pth", b"\x80\x02\x8a\x0a", "not a whole torch file"),
    "text": ("a.pth", b"hello", "is no torch file: it starts with b'hello'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_file_is_named_for_what_it_is(name: str, tmp_path: Path) -> None:
    file, content, meaning = WRONG[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=meaning) as error:
        read_checkpoint(tmp_path / file)
    assert file in str(error.value)
    assert "\n" not in str(error.value)


def test_a_whole_pickled_model_is_never_opened(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(ValueError, match="Python objects beside tensors"):
        read_checkpoint(tmp_path / "model.pth")


def test_a_torchscript_program_is_no_checkpoint(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), str(tmp_path / "model.pt"))
    with pytest.raises(ValueError, match="TorchScript"):
        read_checkpoint(tmp_path / "model.pt")


def test_other_contents_are_described(tmp_path: Path) -> None:
    torch.save({"epoch": 1, "loss": 0.5}, tmp_path / "log.pth")
    with pytest.raises(ValueError, match="holds epoch, loss …, and no state_dict"):
        read_checkpoint(tmp_path / "log.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="holds a list"):
        read_checkpoint(tmp_path / "list.pth")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors"):
        read_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="neither a file nor a name"):
        load_backbone("vit_huge")


def test_another_network_is_described(tmp_path: Path) -> None:
    save_file({"layer1.0.conv1.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(
        ValueError, match=r"1 tensors named like 'layer1\.0\.conv1\.weight', which is none of"
    ):
        load_backbone(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "resnet"}')
    with pytest.raises(ValueError, match="holds a resnet, which is none of"):
        load_backbone(tmp_path)


def save(state: dict[str, Any], folder: Path) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "vit.safetensors")
    return folder / "vit.safetensors"


def test_every_tensor_is_needed(state: dict[str, Any], tmp_path: Path) -> None:
    file = save({name: tensor for name, tensor in state.items() if name != "blocks.1.norm2.bias"}, tmp_path)
    with pytest.raises(ValueError, match=r"timm vit checkpoint lacks 'blocks\.1\.norm2\.bias' \(64,\)"):
        load_backbone(file)


def test_no_tensor_is_left_over(state: dict[str, Any], tmp_path: Path) -> None:
    file = save(state | {"blocks.1.attn.q_norm.weight": torch.ones(64)}, tmp_path)
    with pytest.raises(ValueError, match=r"no vit has: 'blocks\.1\.attn\.q_norm\.weight'"):
        load_backbone(file)


def test_every_shape_is_checked(state: dict[str, Any], tmp_path: Path) -> None:
    file = save(state | {"norm.weight": torch.ones(63)}, tmp_path)
    with pytest.raises(ValueError, match=r"'norm\.weight' of shape \(63,\), not \(64,\)"):
        load_backbone(file)


def test_what_tensors_do_not_tell_can_be_said(state: dict[str, Any], tmp_path: Path) -> None:
    file = save(state, tmp_path)
    assert load_backbone(file).backbone.num_heads == 1
    assert load_backbone(file, overrides={"num_heads": 4}).backbone.num_heads == 4
    with pytest.raises(ValueError, match=r"overrides \['heads'\]"):
        load_backbone(file, overrides={"heads": 4})
