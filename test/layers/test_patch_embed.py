import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.layers.patch_embed import PatchEmbed


def test_each_token_sees_its_patch_in_raster_order():
    embed = PatchEmbed(4, 3, 8)
    image = torch.randn(1, 3, 8, 12)
    tokens = embed(image)
    assert tokens.shape == (1, 6, 8)
    patch = image[0, :, 4:8, 0:4]  # second row, first column: token 3 of 2x3
    expected = embed.proj.weight.flatten(1) @ patch.flatten() + embed.proj.bias
    torch.testing.assert_close(tokens[0, 3], expected)


def test_image_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="image 8x13 is not divisible by the patch size 4"):
        PatchEmbed(4, 3, 8)(torch.zeros(1, 3, 8, 13))
