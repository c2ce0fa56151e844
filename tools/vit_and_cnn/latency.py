"""How long an engine takes for each network. All take turns, so that a busy machine is busy for all."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import openvino
import torch

from measure_models import multiply_accumulates
from vit_and_cnn.networks import NAMES, Network
from vit_and_cnn.plan import SIZE, SIZES
from vit_perception.runtime.engines.openvino_compiler import HINTS, shared_core
from vit_perception.training.targets import ACTIONS

ROUNDS = 400


def request_for(network: torch.nn.Module, size: tuple[int, int]) -> Any:
    """A network compiled for one picture (1, 3, height, width) in OpenVINO's fp32, as for a robot."""
    shape = (1, 3, *size)
    graph = openvino.convert_model(network.eval(), example_input=torch.zeros(shape), input=shape)
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": HINTS["fp32"]}
    return shared_core().compile_model(graph, "CPU", options).create_infer_request()


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Cost of each network, by name.

    Args:
        rounds: how often each is timed.

    Returns:
        `parameters`: number of them. `macs`: multiply-accumulates for a picture of `SIZE`. `ms`: shortest
        milliseconds of many for a picture of each of `SIZES`: what else the machine does only adds to it.
    """
    networks = {name: Network(name, len(ACTIONS)).eval() for name in NAMES}
    requests = {(name, size): request_for(networks[name], size) for name in NAMES for size in SIZES}
    shortest = dict.fromkeys(requests, np.inf)
    for _ in range(rounds):
        for key, request in requests.items():
            image = np.zeros((1, 3, *key[1]), np.float32)
            start = time.perf_counter()
            request.infer([image])
            shortest[key] = min(shortest[key], 1e3 * (time.perf_counter() - start))
    return {
        name: {
            "parameters": sum(each.numel() for each in network.parameters()),
            "macs": round(1e9 * multiply_accumulates(network, torch.zeros(1, 3, *SIZE))),
            "ms": [round(shortest[name, size], 4) for size in SIZES],
        }
        for name, network in networks.items()
    }
