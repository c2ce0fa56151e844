"""ViTDet backbones from Hugging Face give Hugging Face's own maps."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
transformers = pytest.importorskip("transformers", reason="the reference implementation, a test dependency")

from checkpoints.reference import largest_difference, picture, randomise
from vit_perception.checkpoints.load import load_backbone

EXACT = 1e-5
# Native; not square, with windows that do not fit; larger.
SIZES = [(64, 64), (48, 112), (96, 72)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("rel_pos", [True, False])
def test_hugging_face(rel_pos: bool, size: tuple[int, int], tmp_path: Path) -> None:
    config = transformers.VitDetConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=64,
        pretrain_image_size=32,
        patch_size=8,
        window_size=3,
        window_block_indices=[0, 2],
        use_relative_position_embeddings=rel_pos,
    )
    reference = randomise(transformers.VitDetModel(config))
    reference.save_pretrained(tmp_path)
    loaded = load_backbone(tmp_path)
    image = picture(2, 3, *size)
    with torch.no_grad():
        expected = reference(image, output_hidden_states=True).hidden_states
        features = loaded.backbone(image, layers=range(4))
    assert loaded.format == "hugging_face vitdet"
    for index in range(4):
        assert largest_difference(features.maps[index], expected[index + 1]) < EXACT
    assert largest_difference(features.patch_tokens, expected[-1].flatten(2).transpose(1, 2)) < EXACT


def test_attention_is_the_references(tmp_path: Path) -> None:
    config = transformers.VitDetConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=48,
        pretrain_image_size=32,
        patch_size=8,
        window_size=4,
        window_block_indices=[0],
        use_relative_position_embeddings=True,
    )
    reference = randomise(transformers.VitDetModel(config))
    reference.save_pretrained(tmp_path)
    image = picture(1, 3, 48, 48)
    with torch.no_grad():
        features = load_backbone(tmp_path).backbone(image, attention_layers=(0, 1))
        stem = reference.embeddings(image)
        local = reference.encoder.layer[0](stem)[0]
        normed = reference.encoder.layer[1].norm1(local.permute(0, 2, 3, 1))
        # Batch and heads are one axis inside the reference, which its own output then mislabels.
        attention = reference.encoder.layer[1].attention
        qkv = attention.qkv(normed).reshape(1, 36, 3, 2, 16).permute(2, 3, 0, 1, 4).reshape(3, 2, 36, 16)
        from transformers.models.vitdet.modeling_vitdet import add_decomposed_relative_positions

        logits = (qkv[0] * attention.scale) @ qkv[1].transpose(-2, -1)
        logits = add_decomposed_relative_positions(
            logits, qkv[0], attention.rel_pos_h, attention.rel_pos_w, (6, 6), (6, 6)
        )
    assert largest_difference(features.attention[1].weights[0, :, 0], logits.softmax(-1)) < EXACT
    assert features.attention[0].weights.shape == (1, 2, 4, 16, 16)
    assert features.attention[0].spatial().shape == (1, 2, 6, 6)
