"""Masked pre-training: the reference's numbers, and what the textbook's decoder could not do."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from checkpoints.reference import largest_difference, picture, randomise
from vit_perception.backbones.registry import build_backbone
from vit_perception.checkpoints.load import load_backbone
from vit_perception.training.mae import MaskedAutoencoder, normed, patchify, unpatchify

_VIT = {"family": "vit", "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "pos_grid": [4, 4]}


def small(**other):
    torch.manual_seed(0)
    return MaskedAutoencoder(build_backbone(_VIT), 48, 2, 3, **other)


@pytest.mark.parametrize("norm_targets", [False, True])
def test_hugging_faces_numbers(norm_targets, tmp_path):
    transformers = pytest.importorskip("transformers", reason="the reference implementation")
    torch.manual_seed(0)
    config = transformers.ViTMAEConfig(
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=512,
        image_size=64,
        patch_size=8,
        decoder_num_attention_heads=3,
        decoder_hidden_size=48,
        decoder_num_hidden_layers=2,
        decoder_intermediate_size=192,
        layer_norm_eps=1e-6,
        norm_pix_loss=norm_targets,
    )
    reference = transformers.ViTMAEForPreTraining(config)
    randomise(reference)
    # Fixed there, computed here. transformers 5 forgets them in a model without weights from a file.
    with torch.no_grad():
        reference.decoder.initialize_weights(64)
    assert reference.decoder.decoder_pos_embed.abs().max() == 1
    reference.save_pretrained(tmp_path)
    ours = MaskedAutoencoder(load_backbone(tmp_path).backbone, 48, 2, 3, norm_targets=norm_targets)
    theirs = reference.state_dict()
    state = {}
    for name in ours.state_dict():
        if name.startswith("encoder."):
            state[name] = ours.state_dict()[name]
        elif ".qkv." in name:
            layer = f"decoder.decoder_layers.{name.split('.')[1]}."
            state[name] = torch.cat(
                [
                    theirs[next(k for k in theirs if k.startswith(layer) and k.endswith(end))]
                    for part in "qkv"
                    for end in [f"{part}_proj.{name.split('.')[-1]}"]
                ]
            )
        else:
            other = "decoder." + name.replace("decoder_blocks", "decoder_layers")
            other = other.replace("norm1", "layernorm_before").replace("norm2", "layernorm_after")
            other = other.replace("attn.proj", "attention.o_proj")
            state[name] = theirs[other]
    ours.load_state_dict(state, strict=True)
    image, noise = picture(2, 3, 64, 64), torch.rand(2, 64)
    with torch.no_grad():
        expected = reference(image, noise=noise)
        found = ours.eval()(image, noise)
    assert largest_difference(found.patches, expected.logits) < 1e-5
    assert torch.equal(found.mask, expected.mask)
    assert float((found.loss - expected.loss).abs()) < 1e-5


@pytest.mark.parametrize("size", [(32, 32), (24, 56)])
def test_any_size_and_every_parameter_learns(size):
    model = small()
    assert model(picture(2, 3, *size)).patches.shape == (2, size[0] * size[1] // 64, 192)
    model(picture(2, 3, 32, 32)).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_each_hidden_patch_is_reconstructed_in_its_own_way():
    model = small().eval()
    with torch.no_grad():
        result = model(picture(1, 3, 32, 32))
    hidden = result.patches[0][result.mask[0] == 1]
    assert len(hidden) == 12
    assert (hidden[1:] - hidden[:1]).abs().amax(dim=1).min() > 1e-3


def test_nothing_hidden_reaches_the_encoder_and_only_it_counts():
    model = small(norm_targets=False).eval()
    image, noise = picture(1, 3, 32, 32), torch.rand(1, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model(image, noise)
        hidden = unpatchify(before.mask.unsqueeze(-1).expand(-1, -1, 192), 8, (4, 4))
        changed = model(image + 100 * hidden, noise)
        shown = model(image + 100 * (1 - hidden), noise)
    assert torch.equal(before.patches, changed.patches)
    assert changed.loss > before.loss
    assert not torch.allclose(before.patches, shown.patches)


def test_patches_come_apart_and_together():
    image = picture(2, 3, 24, 40)
    patches = patchify(image, 8)
    assert patches.shape == (2, 15, 192)
    assert torch.equal(patches[:, 6].reshape(2, 8, 8, 3).permute(0, 3, 1, 2), image[:, :, 8:16, 8:16])
    assert torch.equal(unpatchify(patches, 8, (3, 5)), image)
    assert torch.allclose(normed(patches).mean(dim=-1), torch.zeros(2, 15), atol=1e-5)


def test_it_learns():
    model = small(norm_targets=False)
    rows = torch.linspace(-1, 1, 32).expand(3, 32, 32)
    images = torch.stack([rows, rows.transpose(1, 2), -rows, -rows.transpose(1, 2)])
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    first = float(model(images).loss.detach())
    for _ in range(60):
        optimiser.zero_grad()
        loss = model(images).loss
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.3 * first


def test_what_cannot_be_is_refused():
    encoder = build_backbone(_VIT | {"reduction": {"kind": "merge", "rate": 0.1}})
    with pytest.raises(ValueError, match="reduces its tokens"):
        MaskedAutoencoder(encoder)
    with pytest.raises(ValueError, match=r"mask_ratio must be between 0 and 1, not 1\.0"):
        small(mask_ratio=1.0)
    with pytest.raises(ValueError, match="of 1 patches none is visible"):
        small()(picture(1, 3, 8, 8))
