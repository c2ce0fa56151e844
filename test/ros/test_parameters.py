"""Parameters change while the node runs, and what cannot be is refused with a reason."""

import dataclasses
import shutil
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
)
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray, LabelInfo

from ros.graph import LATCHED, TINY, values, wait_until
from vit_perception.cards.card import load_card, write_card
from vit_perception.nodes.parameter_table import PARAMETERS, Change

NODE = "/parameters/perception"
CARD = load_card(TINY)


@pytest.fixture(scope="module")
def suite(graph):
    with graph.node("/parameters"):
        yield "/parameters"


def _detections(graph, suite):
    answer = graph.ask(suite, graph.image(), {"detections": Detection2DArray})["detections"]
    return [detection.results[0].hypothesis for detection in answer.detections]


def _classes(graph, suite):
    return graph.ask(suite, graph.image(), {"classification": Classification})["classification"].results


def test_thresholds(graph, suite):
    assert graph.get(NODE, "detection.threshold") == pytest.approx(0.3)
    assert _detections(graph, suite)
    labels = graph.listen(f"{suite}/label_info", LabelInfo, LATCHED)
    assert graph.set(NODE, detection__threshold=1, classification__threshold=0.9999).successful
    assert _detections(graph, suite) == []
    assert _classes(graph, suite) == []
    wait_until(lambda: labels[-1:] and labels[-1].threshold > 0.99, "the new threshold in label_info")
    assert graph.set(NODE, detection__threshold=0.3, classification__threshold=0.0).successful
    assert _detections(graph, suite)
    assert len(_classes(graph, suite)) == len(CARD.labels)
    assert graph.set(NODE, classification__threshold=0.5).successful


def test_class_filter(graph, suite):
    found = {hypothesis.class_id for hypothesis in _detections(graph, suite)}
    wanted = min(found)
    assert graph.set(NODE, detection__classes=[CARD.labels[int(wanted)]]).successful
    assert {hypothesis.class_id for hypothesis in _detections(graph, suite)} == {wanted}
    assert graph.set(NODE, detection__classes=[]).successful
    assert {hypothesis.class_id for hypothesis in _detections(graph, suite)} == found


def test_the_name_of_a_group_stands_for_its_classes(graph, tmp_path):
    folder = shutil.copytree(TINY, tmp_path / "grouped")
    write_card(dataclasses.replace(load_card(folder), coarse=("even", "odd") * 6))
    node, suite = "/groups/perception", "/groups"
    with graph.node(suite, model=str(folder), detection__classes=["even"], classification__threshold=0.0):
        assert {int(hypothesis.class_id) % 2 for hypothesis in _detections(graph, suite)} == {0}
        assert graph.set(node, detection__classes=["odd", "person"]).successful
        found = {int(hypothesis.class_id) for hypothesis in _detections(graph, suite)}
        assert {1, 0} == {class_id % 2 for class_id in found}
        assert found <= {0, 1, 3, 5}
        assert graph.set(node, classification__classes=["odd"]).successful
        assert sorted(int(each.class_id) for each in _classes(graph, suite)) == [1, 3, 5, 7, 9, 11]
        refusal = graph.set(node, detection__classes=["evne"])
        assert "knows no 'evne': did you mean 'even'" in refusal.reason
        refusal = graph.set(node, detection__classes=["zebra crossing"])
        assert "choose from even, odd, person, vehicle" in refusal.reason


def test_enabled_tasks(graph, suite):
    assert graph.set(NODE, enabled_tasks=["detection"]).successful
    received = graph.listen(f"{suite}/classification", Classification)
    message = graph.image()
    graph.ask(suite, message, {"detections": Detection2DArray})
    assert graph.set(NODE, enabled_tasks=["classification", "detection"]).successful
    later = graph.image()
    graph.ask(suite, later, {"classification": Classification, "detections": Detection2DArray})
    assert message.header not in [answer.header for answer in received]
    wait_until(lambda: later.header in [answer.header for answer in received], "the later answer")


def test_overlay_comes_and_goes(graph, suite):
    topic = f"{suite}/overlay"
    assert graph.set(NODE, overlay=False).successful
    wait_until(lambda: graph.client.count_publishers(topic) == 0, "no overlay")
    assert graph.set(NODE, overlay=True).successful
    assert graph.ask(suite, graph.image(), {"overlay": Image})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("detection__threshold", 3.0, "0 to 1"),
        ("detection__threshold", float("nan"), "0 to 1"),
        ("classification__threshold", "high", "0 to 1"),
        ("detection__classes", ["persn"], "knows no 'persn': did you mean 'person'?"),
        ("detection__classes", ["zebra crossing"], "choose from person, vehicle"),
        ("detection__classes", "person", "list"),
        ("enabled_tasks", ["detection", "tracking"], "unknown task 'tracking'"),
        ("enabled_tasks", [""], "unknown task"),
        ("enabled_tasks", [], "no task given: choose from classification"),
        ("max_rate", -1.0, "not a rate"),
        ("max_rate", float("inf"), "not a rate"),
        ("overlay", "yes", "type"),
        ("model", "other", "read-only"),
        ("engine", "torch", "read-only"),
        ("device", "cuda", "read-only"),
        ("tasks", ["detection"], "read-only"),
        ("image_transport", "compressed", "read-only"),
    ],
)
def test_refused_with_a_reason(graph, suite, name, value, reason):
    parameter = name.replace("__", ".")
    before = graph.get(NODE, parameter)
    result = graph.set(NODE, **{name: value})
    assert not result.successful
    assert reason in result.reason
    assert graph.get(NODE, parameter) == before


def test_a_node_takes_its_own_values_again(graph, suite):
    """As from `ros2 param dump`. What is read-only ROS refuses itself, whatever the value."""
    names = graph.call(ListParameters, f"{NODE}/list_parameters", ListParameters.Request()).result.names
    own = graph.call(GetParameters, f"{NODE}/get_parameters", GetParameters.Request(names=names)).values
    request = SetParameters.Request(
        parameters=[Parameter(name=name, value=value) for name, value in zip(names, own, strict=True)]
    )
    results = graph.call(SetParameters, f"{NODE}/set_parameters", request).results
    refused = {name for name, result in zip(names, results, strict=True) if not result.successful}
    assert refused - {"start_type_description_service"} == {
        spec.name for spec in PARAMETERS.values() if spec.change is Change.NEVER
    }


def _described(graph, name):
    request = DescribeParameters.Request(names=[name])
    (descriptor,) = graph.call(DescribeParameters, f"{NODE}/describe_parameters", request).descriptors
    return descriptor


@pytest.mark.parametrize("name", [name for name, spec in PARAMETERS.items() if spec.limits is not None])
def test_a_number_is_described_with_its_range(graph, suite, name):
    (described,) = _described(graph, name).floating_point_range
    assert (described.from_value, described.to_value, described.step) == (*PARAMETERS[name].limits, 0.0)


@pytest.mark.parametrize("name", [name for name, spec in PARAMETERS.items() if spec.is_list])
def test_a_list_is_described_as_one_of_texts_also_if_it_is_empty(graph, suite, name):
    assert _described(graph, name).type == ParameterType.PARAMETER_STRING_ARRAY
    assert _described(graph, name).read_only == (PARAMETERS[name].change is Change.NEVER)
    request = GetParameterTypes.Request(names=[name])
    answer = graph.call(GetParameterTypes, f"{NODE}/get_parameter_types", request)
    assert list(answer.types) == [ParameterType.PARAMETER_STRING_ARRAY]


@pytest.mark.parametrize(
    "value",
    [
        ParameterValue(type=ParameterType.PARAMETER_BOOL_ARRAY),  # as from ros2 param set … "[]"
        ParameterValue(type=ParameterType.PARAMETER_BYTE_ARRAY),
        ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="null"),
    ],
    ids=["booleans", "bytes", "null"],
)
def test_an_empty_list_of_any_type_is_one_of_texts(graph, suite, value):
    name = "detection.classes"
    assert graph.set(NODE, detection__classes=["person"]).successful
    request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
    (result,) = graph.call(SetParameters, f"{NODE}/set_parameters", request).results
    assert result.successful, result.reason
    assert list(graph.get(NODE, name)) == []
    assert _described(graph, name).type == ParameterType.PARAMETER_STRING_ARRAY


def test_one_refusal_refuses_all_that_came_with_it(graph, suite):
    before = graph.get(NODE, "detection.threshold")
    assert not graph.set(NODE, detection__threshold=0.7, max_rate=-2.0).successful
    assert graph.get(NODE, "detection.threshold") == before


def test_a_task_must_be_the_nodes_own_to_be_enabled(graph):
    with graph.node("/some", tasks=["detection", "attention"]):
        result = graph.set("/some/perception", enabled_tasks=["segmentation"])
    assert not result.successful
    assert "segmentation is not among this node's tasks: detection, attention" in result.reason


def test_a_node_of_one_task_has_only_what_concerns_it(graph):
    with graph.node("/one", ("segmentation",)) as node:
        assert not node.has_parameter("tasks")
        assert not node.has_parameter("detection.threshold")
        assert not node.get_parameter("overlay").value


def test_max_rate_drops_and_counts(graph):
    node = "/slow/perception"
    with graph.node("/slow", ("detection",), max_rate=1):
        received = graph.listen("/slow/detections", Detection2DArray)
        publisher = graph.client.create_publisher(Image, "/slow/image", 10)

        def publish_five():
            for _ in range(5):
                publisher.publish(graph.image())
                time.sleep(0.05)  # the subscription keeps one: what it loses itself, the node cannot count

        wait_until(lambda: len(received) >= 2, "answers", publish_five)
        last = graph.image()
        wait_until(
            lambda: received[-1].header == last.header,
            "an answer to a frame that is sent until it is due",
            lambda: publisher.publish(last),
        )
        graph.destroy(publisher)
        counted = values(graph.status(node))
    received, dropped, processed = (
        int(counted[f"frames_{name}"]) for name in ("received", "dropped", "processed")
    )
    assert dropped > 0
    assert received == dropped + processed
