"""What the parity tests share: reference models with random weights, and how far two answers are apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def picture(*shape: int, seed: int = 0) -> Tensor:
    """Values about as a normalised image has them."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def randomise(module: Any, seed: int = 0) -> Any:
    """Moves every parameter and statistic off its initial value, so that none can be forgotten unseen.

    What starts at zero or one (biases, norms, LayerScale, positions, running statistics) would hide a
    tensor that is not loaded, or loaded in the place of another.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=generator)

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "gamma" in name or "lambda1" in name:
                # LayerScale that starts near nothing would silence its branch.
                parameter.copy_(0.5 + 0.1 * noise(parameter))
            elif parameter.ndim == 1:
                parameter.add_(0.1 * noise(parameter))
            else:
                parameter.add_(0.02 * noise(parameter))
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                assert part.running_mean is not None
                assert part.running_var is not None
                part.running_mean.add_(0.1 * noise(part.running_mean))
                part.running_var.mul_(torch.exp(0.2 * noise(part.running_var)))
    return module.eval()


def largest_difference(first: Tensor, second: Tensor) -> float:
    """Largest absolute difference of two tensors of the same shape."""
    assert first.shape == second.shape, f"{tuple(first.shape)} is not {tuple(second.shape)}"
    return float((first - second).abs().max())
