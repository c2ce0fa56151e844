"""What the page draws, in a JavaScript engine: from the bytes that are sent to colours, lines and words."""

import json
from pathlib import Path

import numpy as np
import pytest

quickjs = pytest.importorskip("quickjs", reason="make test installs it")
pytest.importorskip("rclpy", reason="messages are ROS's")
pytest.importorskip("vision_msgs", reason="messages are ROS's")

from rclpy.serialization import serialize_message
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import (
    Classification,
    Detection2D,
    Detection2DArray,
    Detection3D,
    Detection3DArray,
    ObjectHypothesis,
)
from vision_msgs.msg import ObjectHypothesisWithPose as Hypothesis

import vit_perception.view
from view.served import unpack
from vit_perception.nodes.images import codec
from vit_perception.runtime.points import POINT
from vit_perception.view.bundle import encode
from vit_perception.view.gathering import Message, Scene
from vit_perception.viz.draw import class_colour

DRAW = Path(vit_perception.view.__file__).parent / "page/draw.js"
STAMP = 1_700_000_000_123_456_789
PALETTE = [list(class_colour(class_id)) for class_id in range(256)]


@pytest.fixture
def draw():
    context = quickjs.Context()
    context.eval(DRAW.read_text())

    def call(expression):
        return json.loads(context.eval(f"JSON.stringify({expression})"))

    return call


def message(content, kind):
    return Message(kind, serialize_message(content))


def image(pixels, encoding):
    return message(codec.encode(pixels, encoding, Header()), "sensor_msgs/msg/Image")


def detection(box, class_id, score, instance=""):
    found = Detection2D(id=instance, results=[Hypothesis()])
    found.results[0].hypothesis.class_id, found.results[0].hypothesis.score = class_id, score
    left, top, found.bbox.size_x, found.bbox.size_y = map(float, box)
    found.bbox.center.position.x = left + found.bbox.size_x / 2
    found.bbox.center.position.y = top + found.bbox.size_y / 2
    return found


@pytest.fixture(scope="module")
def bundle():
    mask = np.array([[0, 1, 255], [2, 2, 0]], np.uint8)
    depth = np.array([[0.0, 1.5, np.nan], [4.0, 2.0, 9.0]], np.float32)
    boxes = Detection2DArray(
        detections=[detection((2, 1, 4, 3), "1", 0.75, "7"), detection((0, 0, 1, 2), "0", 0.5)]
    )
    scores = Classification(
        results=[ObjectHypothesis(class_id=str(i), score=s) for i, s in ((0, 0.1), (1, 0.9))]
    )
    far = Detection3D(results=[Hypothesis()])
    far.results[0].hypothesis.class_id, far.results[0].hypothesis.score = "0", 0.5
    far.bbox.center.position.z = 2.345
    points = np.zeros(6, POINT)
    points["z"][:2] = np.nan
    cloud = PointCloud2(height=2, width=3, point_step=POINT.itemsize, data=points.tobytes())
    layers = {
        "detections": message(boxes, "vision_msgs/msg/Detection2DArray"),
        "tracks": message(boxes, "vision_msgs/msg/Detection2DArray"),
        "segmentation/mask": image(mask, "mono8"),
        "depth": image(depth, "32FC1"),
        "navigation/action": message(scores, "vision_msgs/msg/Classification"),
        "detections_3d": message(Detection3DArray(detections=[far]), "vision_msgs/msg/Detection3DArray"),
        "depth_image": image(np.uint16([[1500, 0, 4000], [250, 250, 250]]), "16UC1"),
        "segmentation/points": message(cloud, "sensor_msgs/msg/PointCloud2"),
    }
    picture = np.full((4, 6, 3), (200, 30, 10), np.uint8)
    return encode(Scene("/front", STAMP, image(picture, "rgb8"), layers))


def test_the_page_unpacks_what_is_sent(draw, bundle):
    header, jpeg, maps = unpack(bundle)
    found = draw(f"""(() => {{
      const {{ header, picture, maps }} = Draw.unpack(new Uint8Array({list(bundle)}).buffer);
      return [header, picture.length, Object.entries(maps).map(([name, part]) => [name, part.length])];
    }})()""")
    assert found[0] == header
    assert header["stamp"] == str(STAMP)
    assert (header["width"], header["height"]) == (6, 4)
    assert found[1] == len(jpeg)
    assert [name for name, _ in found[2]] == ["segmentation/mask", "depth", "depth_image"]
    assert found[2][0][1] == header["parts"][1]
    assert maps["segmentation/mask"].tolist() == [[0, 1, 255], [2, 2, 0]]


def test_boxes_are_where_they_were_published(draw, bundle):
    header, _, _ = unpack(bundle)
    boxes = json.dumps(header["boxes"]["detections"])
    labels = json.dumps({"1": "dog"})
    dog, other = draw(f"Draw.boxes({boxes}, {labels}, {PALETTE}, false, [])")
    assert dog == {"rectangle": [2, 1, 4, 3], "colour": "rgb(25, 130, 255)", "text": "dog 75 %"}
    assert (other["rectangle"], other["text"]) == ([0, 0, 1, 2], "0 50 %")
    track, _ = draw(f"Draw.boxes({json.dumps(header['boxes']['tracks'])}, {labels}, {PALETTE}, true, [])")
    assert track["text"] == "#7 dog"
    assert track["colour"] == "rgb({}, {}, {})".format(*class_colour(ord("7")))


def test_distances_stand_at_their_boxes(draw, bundle):
    """The first box has none: its depth is unknown."""
    header, _, _ = unpack(bundle)
    boxes, metres = json.dumps(header["boxes"]["detections"]), json.dumps(header["metres"])
    texts = [each["text"] for each in draw(f"Draw.boxes({boxes}, {{}}, {PALETTE}, false, {metres})")]
    assert texts == ["1 75 %", "0 50 %, 2.3 m"]
    assert draw(f"Draw.points({json.dumps(header['points'])})") == "4 of 6 points"
    assert draw("Draw.points(null)") == ""


def test_a_depth_camera_is_in_metres_whatever_its_unit(draw, bundle):
    header, _, maps = unpack(bundle)
    rule, pixels = header["maps"]["depth_image"], maps["depth_image"].astype(float)
    metres = np.where(pixels == rule["none"], np.nan, rule["low"] + rule["step"] * pixels)
    np.testing.assert_allclose(metres, [[1.5, np.nan, 4], [0.25, 0.25, 0.25]], atol=0.01)


def test_a_mask_has_the_colours_of_its_classes(draw, bundle):
    header, _, maps = unpack(bundle)
    rule = json.dumps(header["maps"]["segmentation/mask"])
    painted = draw(
        f"Array.from(Draw.paint({maps['segmentation/mask'].ravel().tolist()}, {rule}, {PALETTE}, 0.5))"
    )
    pixels = np.array(painted).reshape(2, 3, 4)
    assert pixels[0, 1].tolist() == [*class_colour(1), 128]
    assert pixels[1, 0].tolist() == pixels[1, 1].tolist() == [*class_colour(2), 128]
    assert pixels[0, 2].tolist() == [0, 0, 0, 0]  # unlabelled


def test_depth_under_the_pointer_is_in_metres(draw, bundle):
    header, _, maps = unpack(bundle)
    rule, size = json.dumps(header["maps"]["depth"]), json.dumps(header)

    def at(x, y):
        return draw(f"Draw.valueAt({maps['depth'].ravel().tolist()}, {rule}, {x}, {y}, {size})")

    step = (9.0 - 1.5) / 254
    assert at(3, 1) == pytest.approx(1.5, abs=step)
    assert at(5.9, 3.9) == pytest.approx(9.0, abs=step)
    assert at(1, 3) == pytest.approx(4.0, abs=step)
    assert at(0, 0) is None  # no distance
    assert at(5, 0) is None
    assert at(6, 0) is None  # outside


def test_scores_and_curves(draw, bundle):
    header, _, _ = unpack(bundle)
    found = json.dumps(header["scores"]["navigation/action"])
    assert draw(f'Draw.scores({found}, {{"1": "forward"}}, 2)') == "forward 90 %, 0 10 %"
    assert draw("Draw.curve([0, null, 10], 3, 10, 100, 50)") == [[0, 50], None, [100, 0]]


def test_what_is_no_number_does_not_end_the_page():
    broken = detection((0, 0, float("nan"), 2), "1", float("inf"))
    layers = {
        "detections": message(Detection2DArray(detections=[broken]), "vision_msgs/msg/Detection2DArray")
    }
    header, _, _ = unpack(encode(Scene("", 1, image(np.zeros((4, 6, 3), np.uint8), "bgr8"), layers)))
    assert header["boxes"]["detections"][0]["score"] == 0


def test_an_image_that_cannot_be_read_is_named():
    scene = Scene("", 1, image(np.zeros((4, 6), np.float32), "32FC1"), {})
    with pytest.raises(ValueError, match="32FC1"):
        encode(scene)
