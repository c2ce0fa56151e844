"""A published PicoDet-S, tensor by tensor and in what it answers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
onnx = pytest.importorskip("onnx", reason="the file is an ONNX graph: make test installs it")
runtime = pytest.importorskip("onnxruntime", reason="the reference runs in it: make test installs it")

from checkpoints.picodet_file import write_picodet
from vit_perception.backbones.picodet import Neck, make_stages, run_stages
from vit_perception.checkpoints.picodet import load_picodet
from vit_perception.heads.picodet import PicoDetHead


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("picodet") / "picodet.onnx"
    write_picodet(path)
    return path


@torch.no_grad()
def test_it_answers_as_its_file_does(file):
    weights = load_picodet(file)
    stem, stages = make_stages()
    torch.nn.ModuleDict({"stem": stem, "stages": stages}).load_state_dict(weights.stages)  # strict
    neck, head = Neck(), PicoDetHead(weights.classes)
    neck.load_state_dict(weights.neck)
    head.load_state_dict(weights.head)
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    maps = neck(run_stages(stem, stages, image))
    ours = head.eval()(dict(zip(head.strides, maps, strict=True)))["detection_scores"].sigmoid()
    session = runtime.InferenceSession(file)
    theirs = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    expected = np.concatenate([level.reshape(1, 80, -1) for level in theirs], axis=2).transpose(0, 2, 1)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing\.onnx: docs/labelling\.md"):
        load_picodet(tmp_path / "nothing.onnx")


def test_other_files_are_refused(tmp_path, file):
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(ValueError, match=r"text\.onnx is no PicoDet-S: it is no ONNX file"):
        load_picodet(tmp_path / "text.onnx")
    graph = onnx.load(file)
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    graph.graph.node.remove(convolutions[1])
    graph.graph.node.remove(convolutions[-2])
    onnx.save(graph, tmp_path / "fewer.onnx")
    with pytest.raises(ValueError, match=r"fewer\.onnx is no PicoDet-S: "):
        load_picodet(tmp_path / "fewer.onnx")
    graph.graph.node.remove(convolutions[0])
    onnx.save(graph, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"other\.onnx is no PicoDet-S: "):
        load_picodet(tmp_path / "other.onnx")


def test_a_graph_without_convolutions_is_refused(tmp_path, file):
    graph = onnx.load(file)
    del graph.graph.node[:]
    onnx.save(graph, tmp_path / "empty.onnx")
    with pytest.raises(ValueError, match=r"empty\.onnx is no PicoDet-S: it has no convolution"):
        load_picodet(tmp_path / "empty.onnx")
