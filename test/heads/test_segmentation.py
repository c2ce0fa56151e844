"""Three decoders, one contract."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.features import TokenFeatures
from vit_perception.heads.pyramid import PyramidConfig
from vit_perception.heads.segmentation import DECODERS, make_decoder

PYRAMID = PyramidConfig(layers=(0,), width=16, fine_width=8)


@pytest.fixture(scope="module")
def inputs():
    tokens = torch.randn(2, 15, 24, generator=torch.Generator().manual_seed(0))
    features = TokenFeatures(tokens.mean(dim=1), tokens[:, :0], tokens, (3, 5))
    return features, {"p2": torch.randn(2, 8, 12, 20, generator=torch.Generator().manual_seed(1))}


@pytest.mark.parametrize("kind", DECODERS)
def test_every_decoder_answers_four_times_as_fine_as_the_tokens(kind, inputs):
    decoder = make_decoder(kind, 24, PYRAMID, 7).eval()
    assert decoder(*inputs)["segmentation"].shape == (2, 7, 12, 20)


@pytest.mark.parametrize("kind", ["linear", "progressive"])
def test_tokens_become_the_place_that_they_came_from(kind, inputs):
    torch.manual_seed(0)
    decoder = make_decoder(kind, 24, PYRAMID, 7).eval()
    features, levels = inputs
    before = decoder(features, levels)["segmentation"]
    features.patch_tokens[:, 14] += 5.0  # the last row, the last column
    change = (decoder(features, levels)["segmentation"] - before).abs().sum(dim=(0, 1))
    features.patch_tokens[:, 14] -= 5.0
    # Group norm moves every place a little; the one that the token stands for moves most.
    assert change[8:, 16:].mean() > 1.5 * change[:4, :8].mean()


def test_an_unknown_decoder_is_refused():
    with pytest.raises(ValueError, match="unknown decoder 'unet': choose from pyramid, progressive, linear"):
        make_decoder("unet", 24, PYRAMID, 7)
