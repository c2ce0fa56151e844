"""The published EfficientNet-Lite0, tensor by tensor and in what it answers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.efficientnet_lite import CHANNELS, make_stages, run_stages
from vit_perception.checkpoints.efficientnet_lite import find_checkpoint, load_stages

try:
    FILE = find_checkpoint()
except FileNotFoundError as error:
    pytest.skip(str(error), allow_module_level=True)

# What it was trained with.
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3


def network(mean=MEAN, std=STD):
    stem, stages = make_stages()
    loaded = torch.nn.ModuleDict({"stem": stem, "stages": stages}).eval()
    loaded.load_state_dict(load_stages(mean, std))  # strict: every key, every shape
    return lambda image: run_stages(stem, stages, image)


@torch.no_grad()
def test_it_answers_as_timm_does():
    timm = pytest.importorskip("timm", reason="the reference is timm's: make test installs it")
    reference = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(2, 3, 4)).eval()
    theirs = torch.load(FILE, weights_only=True)
    # The same weights in the same order, but for what follows the last stage.
    values = [
        value for name, value in theirs.items() if not name.startswith(("_fc.", "_conv_head.", "_bn1."))
    ]
    names = list(reference.state_dict())
    reference.load_state_dict(dict(zip(names, values, strict=True)))
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    for ours, expected, (stride, channels) in zip(
        network()(image), reference(image), CHANNELS.items(), strict=True
    ):
        assert ours.shape == (1, channels, 64 // stride, 96 // stride)
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_images_of_another_normalisation_mean_the_same():
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))

    def normalised(mean, std):
        return (pixels - torch.as_tensor(mean).view(3, 1, 1)) / torch.as_tensor(std).view(3, 1, 1)

    expected = network()(normalised(MEAN, STD))[0]
    found = network(tuple(mean.tolist()), tuple(std.tolist()))(normalised(mean, std))[0]
    # Beyond the lower and right edge are zeros, which are another colour now.
    torch.testing.assert_close(found[..., :-4, :-4], expected[..., :-4, :-4], atol=1e-3, rtol=1e-3)


def test_another_file_is_refused(tmp_path):
    torch.save({"_blocks.99._expand_conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth is no EfficientNet-Lite0"):
        load_stages(MEAN, STD, tmp_path / "other.pth")
