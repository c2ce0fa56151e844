"""PyTorch: the model as it was trained, on the CPU or through CUDA. The reference for the other engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vit_perception.cards import raw_outputs
from vit_perception.cards.card import Card
from vit_perception.runtime.engines import NOTHING, Builder, EngineUnavailable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vit_perception.model import PerceptionModel


def load_model(card: Card) -> PerceptionModel:
    """The card's architecture with its weights, in float32 and in evaluation mode, on the CPU.

    Raises:
        ValueError: the weights do not fit the architecture, or that is of another library.
    """
    if "library" in card.architecture:
        raise ValueError(
            f"model {card.name} is one of {card.architecture['library']}, and this works on the layers of "
            "ours: name a model such as robot_vit_s14"
        )
    model: PerceptionModel = load_any_model(card)
    return model


def load_any_model(card: Card, build_public: Builder | None = None) -> Any:
    """The same of any model; what `build_public` makes where another library has the architecture.

    Raises:
        ValueError: the weights do not fit the architecture, or it is of another library and there is no
            `build_public`.
    """
    from safetensors.torch import load_file

    path = card.file("weights")
    # Stored in half precision to halve the download, computed in single.
    weights = {
        name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()
    }
    model = _build(card, build_public)
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the architecture on its card: {error}") from error
    return model.eval()


def _build(card: Card, build_public: Builder | None) -> nn.Module:
    if "library" in card.architecture:
        if build_public is None:
            raise ValueError(
                f"model {card.name} is one of {card.architecture['library']}, which PyTorch runs only with a "
                "builder: pass build_public=vit_perception.hub.build.build_public"
            )
        model: nn.Module = build_public(card.architecture, card.folder)
        return model
    from vit_perception.model import build_model

    return build_model(card.architecture)


class TorchEngine:
    """The card's architecture with its weights, loaded strictly.

    On a GPU each input shape is recorded as a CUDA graph when it first comes: a ViT-S on one frame is some
    three hundred kernels of microseconds, and starting them one by one takes longer than they do.

    Args:
        card: of the model; its files are beside it.
        device: `cpu` or `cuda`.
        precision: `fp32`, or on CUDA `fp16` or `bf16`; `auto` is fp16 on CUDA and fp32 on the CPU,
            or the next of these that the card does not call inexact.
        build_public: makes a public model, see `Builder`; models of our own need none.

    Raises:
        EngineUnavailable: `device` is `cuda` and torch sees none, or it has no such precision.
        ValueError: the weights do not fit the architecture, and the message names the tensors; or there is
            no `build_public` for a public model.
    """

    name = "torch"
    shapes = None

    def __init__(
        self, card: Card, device: str, precision: str = "auto", build_public: Builder | None = None
    ) -> None:
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            raise EngineUnavailable(
                "torch sees no CUDA device: check the driver, and that torch is a CUDA build"
            )
        choices = ("fp16", "bf16", "fp32") if device == "cuda" else ("fp32",)
        exact = [choice for choice in choices if choice not in card.inexact]
        self.precision = exact[0] if precision == "auto" else precision
        if self.precision not in choices:
            raise EngineUnavailable(f"it has no {precision} on {device}: choose from {', '.join(choices)}")
        self.device = device
        self._torch = torch
        dtype = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}[self.precision]
        self._model = load_any_model(card, build_public).to(device, dtype)
        self.inputs: tuple[str, ...] = getattr(self._model, "inputs", ())
        self.outputs: tuple[str, ...] = getattr(self._model, "outputs", ()) or raw_outputs.ours(
            card, attends=self._model.backbone.num_blocks > 0
        )
        # Other people's code may ask a tensor for its value, which a recording cannot.
        self._records = device != "cpu" and "library" not in card.architecture
        self._mean, self._std = (torch.tensor(v, device=device) * 255 for v in (card.mean, card.std))
        self._recorded: dict[tuple[tuple[int, ...], bool], Callable[..., dict[str, Tensor]]] = {}

    def __call__(
        self,
        images: np.ndarray,
        outputs: Sequence[str] | None = None,
        extra: Mapping[str, np.ndarray] = NOTHING,
    ) -> dict[str, np.ndarray]:
        torch = self._torch
        attention = "attention" in (self.outputs if outputs is None else outputs)
        more = {name: torch.from_numpy(extra[name]).to(self.device) for name in self.inputs}
        # cuDNN's TF32 would keep ten bits of the mantissa: not what `fp32` promises.
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            pixels = torch.from_numpy(images)
            if not self._records:
                results = self._forward(pixels.to(self.device), attention, more)
            else:
                key = (images.shape, attention)
                if key not in self._recorded:
                    self._recorded[key] = self._record(pixels.to(self.device), attention, more)
                results = self._recorded[key](pixels, more)
            return {name: value.cpu().numpy() for name, value in results.items()}

    def _forward(self, pixels: Tensor, attention: bool, more: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(B, H, W, 3) uint8, and the other inputs by name → raw outputs in float32."""
        image = ((pixels - self._mean) / self._std).permute(0, 3, 1, 2)
        results = self._model(image.to(next(self._model.parameters()).dtype), attention=attention, **more)
        return {name: value.float() for name, value in results.items()}

    def _record(
        self, pixels: Tensor, attention: bool, more: Mapping[str, Tensor]
    ) -> Callable[..., dict[str, Tensor]]:
        """A CUDA graph of `_forward` for inputs of these shapes."""
        torch = self._torch
        # What is made on the first calls (workspaces, plans) must not be part of the recording.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._forward(pixels, attention, more)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = self._forward(pixels, attention, more)

        def replay(new: Tensor, others: Mapping[str, Tensor]) -> dict[str, Tensor]:
            pixels.copy_(new)
            for name, value in others.items():
                more[name].copy_(value)
            graph.replay()
            return results

        return replay
