import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.vit import VisionTransformer, ViTConfig

SMALL = {"patch_size": 4, "embed_dim": 24, "depth": 3, "num_heads": 3, "pos_grid": (4, 4)}


@pytest.mark.parametrize(("height", "width"), [(16, 16), (8, 20), (20, 8), (4, 4)])
@pytest.mark.parametrize("registers", [0, 4])
def test_any_grid(height, width, registers):
    model = VisionTransformer(ViTConfig(**SMALL, num_registers=registers)).eval()
    features = model(torch.randn(2, 3, height, width), layers=(0, -1), attention_layers=(2,))
    rows, columns = height // 4, width // 4
    assert features.grid == (rows, columns)
    assert features.cls_token.shape == (2, 24)
    assert features.prefix_tokens.shape == (2, 1 + registers, 24)
    assert features.patch_tokens.shape == (2, rows * columns, 24)
    assert set(features.maps) == {0, 2}
    assert features.maps[0].shape == (2, 24, rows, columns)
    tokens = 1 + registers + rows * columns
    assert features.attention[2].weights.shape == (2, 3, 1, tokens, tokens)
    assert torch.equal(features.maps[2].flatten(2).transpose(1, 2), features.patch_tokens)
    assert torch.equal(features.prefix_tokens[:, 0], features.cls_token)


def test_asking_for_attention_changes_nothing_else():
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(**SMALL)).eval()
    image = torch.randn(1, 3, 16, 16)
    plain, attended = model(image), model(image, attention_layers=(0, 1, 2))
    torch.testing.assert_close(plain.patch_tokens, attended.patch_tokens, atol=1e-6, rtol=1e-6)
    assert not plain.attention


def test_position_matters():
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(**SMALL)).eval()
    torch.nn.init.normal_(model.pos_embed)
    image = torch.randn(1, 3, 16, 16)
    assert not torch.allclose(model(image).cls_token, model(image.roll(8, dims=3)).cls_token, atol=1e-3)


def test_every_parameter_gets_a_gradient():
    model = VisionTransformer(ViTConfig(**SMALL, num_registers=2, layer_scale=0.1))
    model(torch.randn(1, 3, 16, 16)).cls_token.square().sum().backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]


@pytest.mark.parametrize("index", [3, -4])
def test_block_that_does_not_exist_is_refused(index):
    with pytest.raises(ValueError, match=f"layer {index} does not exist: this VisionTransformer has 3"):
        VisionTransformer(ViTConfig(**SMALL))(torch.zeros(1, 3, 16, 16), layers=(index,))


@pytest.mark.parametrize(("field", "value"), [("depth", 0), ("embed_dim", -1), ("num_registers", -1)])
def test_config_names_the_bad_value(field, value):
    with pytest.raises(ValueError, match=f"{field} must .*{value}"):
        ViTConfig(**{**SMALL, field: value})
