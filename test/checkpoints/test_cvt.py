"""CvT of Hugging Face gives its source's own maps and tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
transformers = pytest.importorskip("transformers", reason="the reference implementation, a test dependency")

from torch import nn

from checkpoints.reference import largest_difference, picture, randomise
from vit_perception.backbones.registry import VARIANTS, make_backbone
from vit_perception.checkpoints.load import load_backbone

EXACT = 1e-5


def reference() -> nn.Module:
    torch.manual_seed(0)
    config = transformers.CvtConfig(embed_dim=[16, 32, 64], depth=[1, 2, 3], num_heads=[1, 2, 4])
    return randomise(transformers.CvtForImageClassification(config))


@pytest.mark.parametrize("size", [(224, 224), (96, 160), (100, 68)], ids=str)
@pytest.mark.parametrize("vocabulary", ["on disk", "of the modules"])
def test_hugging_face(size: tuple[int, int], vocabulary: str, tmp_path: Path) -> None:
    model = reference()
    model.save_pretrained(tmp_path)
    if vocabulary == "of the modules":
        (tmp_path / "model.safetensors").unlink()
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    image = picture(2, 3, *size)
    backbone = load_backbone(tmp_path).backbone
    with torch.no_grad():
        expected = model.cvt(image, output_hidden_states=True)
        found = backbone(image, layers=range(3))
        cls_token = model.layernorm(expected.cls_token_value)
        patches = model.layernorm(expected.last_hidden_state.flatten(2).transpose(1, 2))
    for stage, theirs in enumerate(expected.hidden_states):
        assert largest_difference(found.maps[stage], theirs) < EXACT, f"stage {stage}"
    assert largest_difference(found.cls_token, cls_token[:, 0]) < EXACT
    assert largest_difference(found.patch_tokens, patches) < EXACT


@pytest.mark.parametrize(("name", "depth"), [("cvt_13", [1, 2, 10]), ("cvt_21", [1, 4, 16])])
def test_published_sizes_have_the_sources_parameters(name: str, depth: list[int]) -> None:
    with torch.device("meta"):
        theirs = transformers.CvtForImageClassification(transformers.CvtConfig(depth=depth))
        ours = make_backbone(VARIANTS[name])
    classifier = sum(p.numel() for p in theirs.classifier.parameters())
    assert (
        sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters()) - classifier
    )


def test_another_shape_of_cvt_is_refused(tmp_path: Path) -> None:
    model = reference()
    model.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"stride_kv": [4, 4, 4]}))
    with pytest.raises(ValueError, match=r"config.json has stride_kv \[4, 4, 4\]"):
        load_backbone(tmp_path)
