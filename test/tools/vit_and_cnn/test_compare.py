"""`make compare`: the whole way in small, what goes on where it stopped, and figures worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="the CNN is torchvision's: make test installs it")
pytest.importorskip("openvino", reason="latency is OpenVINO's")

import compare
from vit_and_cnn import latency
from vit_and_cnn.networks import NAMES
from vit_and_cnn.plan import SIZES, Plan
from vit_and_cnn.report import draw, spread, tables

SMALL = Plan(distances=4, train=4, choose=4, report=4, steps=2, batch=4, validations=2, seeds=(0, 1))


@pytest.fixture(scope="module")
def measured():
    """Costs of the networks, and network and request by its name and the size of its pictures."""
    torch.manual_seed(0)
    timed, compile_for = {}, latency.request_for

    def request_for(network, size):
        name = NAMES[len(timed) // len(SIZES)]
        timed[name, size] = network, compile_for(network, size)
        return timed[name, size][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "request_for", request_for)
        costs = latency.measure(2)
    return costs, timed


@pytest.fixture
def small(measured, monkeypatch):
    monkeypatch.setattr(compare, "measure", lambda: measured[0])
    monkeypatch.setattr(compare, "Plan", lambda: SMALL)


def test_from_nothing_to_tables_and_nothing_twice(tmp_path, small, capsys):
    assert compare.main(["--output", str(tmp_path)]) == 0
    assert "| ViT − CNN, pretrained |" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    found = [(run["network"], run["start"], run["seed"]) for run in results["runs"]]
    assert sorted(found) == [
        (n, s, i) for n in ("cnn", "vit") for s in ("pretrained", "scratch") for i in (0, 1)
    ]
    assert all(len(run["curve"]) == 2 for run in results["runs"])
    kept = [file for file in tmp_path.rglob("*") if file.parent.name in ("runs", "pretrained", "report")]
    times = [file.stat().st_mtime_ns for file in kept]
    lost = tmp_path / "runs/vit-scratch-1.json"
    before = json.loads(lost.read_text())
    lost.unlink()
    (tmp_path / "latency.json").unlink()
    assert compare.main(["--output", str(tmp_path)]) == 0
    assert [file.stat().st_mtime_ns for file in kept if file != lost] == [
        time for file, time in zip(kept, times, strict=True) if file != lost
    ]
    after = json.loads(lost.read_text())
    assert {**after, "seconds": 0} == {**before, "seconds": 0}
    assert (tmp_path / "latency.json").exists()


def test_another_plan_is_refused_in_one_sentence(tmp_path, small, capsys):
    (tmp_path / "plan.json").write_text("{}")
    assert compare.main(["--output", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error == f"compare: {tmp_path} holds an experiment of another plan: give another OUTPUT\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_the_engine_that_is_timed_computes_what_torch_does(name, size, measured):
    network, request = measured[1][name, size]
    image = np.random.default_rng(0).normal(size=(1, 3, *size)).astype(np.float32)
    answer = next(iter(request.infer([image]).values()))
    with torch.no_grad():
        expected = network(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(answer, expected, atol=2e-4)


def test_costs(measured):
    costs, timed = measured
    for name in NAMES:
        network, _ = timed[name, SIZES[0]]
        assert costs[name]["parameters"] == sum(each.numel() for each in network.parameters())
        assert len(costs[name]["ms"]) == len(SIZES)
    # 48 patches of 432 values and four blocks of 12 · 96² and of attention to 49 tokens, by hand.
    tokens, width = 49, 96
    blocks = 4 * (tokens * 12 * width**2 + 2 * tokens**2 * width)
    assert costs["vit"]["macs"] == 48 * 432 * width + blocks + width * 4


def runs():
    """Two seeds; the ViT is ahead by 1 and 3 points from scratch, and behind by as much when pre-trained."""
    for seed in (0, 1):
        for start in ("scratch", "pretrained"):
            for network in NAMES:
                ahead = (1 + 2 * seed) * (1 if start == "scratch" else -1) if network == "vit" else 0
                yield {
                    "network": network,
                    "start": start,
                    "seed": seed,
                    "curve": [(1, 1.0, 30.0), (2, 0.5, 60.0 + seed)],
                    "sizes": [50.0 + ahead, 60.0 + ahead, 70.0 + ahead],
                    "harmed": {kind: [40.0, 30.0, 20.0] for kind in ("blur", "noise", "darkness")},
                }


COSTS = {
    "vit": {"parameters": 490_000, "macs": 23_000_000, "ms": [0.1, 0.2, 0.3]},
    "cnn": {"parameters": 350_000, "macs": 6_000_000, "ms": [0.2, 0.25, 0.3]},
}


def test_tables_by_hand():
    lines = list(tables(list(runs()), COSTS))
    assert "| ShuffleNet V2 ×0.5 | 0.35 M | 6.0 M | 0.20 | 0.25 | 0.30 |" in lines
    assert "| ViT, scratch | 52.0 ± 1.4 | 62.0 ± 1.4 | 72.0 ± 1.4 |" in lines
    assert "| ViT − CNN, scratch | +2.0 ± 1.4 | +2.0 ± 1.4 | +2.0 ± 1.4 |" in lines
    assert "| ViT − CNN, pretrained | -2.0 ± 1.4 | -2.0 ± 1.4 | -2.0 ± 1.4 |" in lines
    assert any(line.startswith("| CNN, pretrained | 40.0 ± 0.0 | 30.0 ± 0.0 |") for line in lines)
    assert spread([3.0]) == "3.0"


def test_charts_are_small_and_show_every_line(tmp_path):
    draw(list(runs()), COSTS, tmp_path)
    for name in ("curves", "latency", "robustness"):
        path = tmp_path / f"{name}.png"
        assert path.stat().st_size < 60_000
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 6
