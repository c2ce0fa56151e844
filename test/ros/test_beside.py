"""What takes seconds is done beside frames and requests; labels change with the results."""

import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.srv import ChangeState

from ros.graph import DEADLINE, TINY, TRANSITIONS, wait_until
from vit_perception.nodes import loader


@pytest.fixture
def calls():
    """Runs requests in threads, which end with the test."""
    threads = []

    def call(function, *arguments, **named):
        results = []
        thread = threading.Thread(target=lambda: results.append(function(*arguments, **named)))
        thread.start()
        threads.append(thread)
        return results

    yield call
    for thread in threads:
        thread.join()


def test_a_node_that_loads_its_models_answers_and_says_so(graph, monkeypatch, calls):
    name, free = "/loading/perception", threading.Event()

    def download(model, report):
        report(f"downloading {model}")
        assert free.wait(DEADLINE)
        return TINY

    monkeypatch.setattr(loader, "obtain_model", download)
    with graph.node("/loading", ("detection",), autostart=False):
        done = calls(graph.transition, name, TRANSITIONS["configure"])
        try:
            status = graph.status(name, lambda status: f"downloading {TINY}" in status.message)
            assert status.level == DiagnosticStatus.WARN
            graph.status(name, lambda status: f"downloading {TINY}" in status.message)
            assert graph.state(name) == "unconfigured"
            assert not graph.transition(name, TRANSITIONS["configure"]), "once is enough"
            refusal = graph.set(name, engine="torch")
            assert not refusal.successful
            assert "read-only" in refusal.reason
            assert graph.set(name, max_rate=5.0).successful
            assert not done
        finally:
            free.set()
        assert wait_until(lambda: done, "the node to be configured") == [True]
        assert graph.state(name) == "inactive"


def test_a_model_that_cannot_be_loaded_is_an_error_as_ever(graph):
    name = "/unloadable/perception"
    with graph.node("/unloadable", ("detection",), model="no_such_model", autostart=False):
        assert not graph.transition(name, TRANSITIONS["configure"])
        status = graph.status(name, lambda status: status.level == DiagnosticStatus.ERROR)
        assert "no_such_model" in status.message
        assert graph.set(name, model=str(TINY)).successful
        request = ChangeState.Request()
        request.transition.label = "configure"
        assert graph.call(ChangeState, f"{name}/change_state", request).success


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    for library in ("torch", "transformers", "skimage"):
        pytest.importorskip(library, reason="adopting a model needs it")
    from hub.small_clip import publish_clip
    from vit_perception.hub.obtain import obtain_model

    return str(obtain_model(publish_clip(tmp_path_factory.mktemp("hub") / "clip")))


def names(message):
    return [entry.class_name for entry in message.class_map]


def test_frames_go_on_while_prompts_are_encoded(graph, clip, monkeypatch, calls):
    from vision_msgs.msg import Classification

    name, free = "/encoding/perception", threading.Event()
    topics = {"classification": Classification}
    with graph.node("/encoding", model=clip, prompts=["a cup", "a cat"]) as node:
        vocabularies = node._pipeline.models.predictors[0]._vocabularies
        fast = vocabularies._make
        monkeypatch.setattr(
            vocabularies, "_make", lambda card, prompts: (free.wait(DEADLINE), fast(card, prompts))[1]
        )
        done = calls(graph.set, name, prompts=["a dog", "a bus", "a boat"], classification__threshold=0.0)
        try:
            graph.status(name, lambda status: "prompts are being encoded" in status.message)
            assert graph.ask("/encoding", graph.image(), topics)
            assert not done
        finally:
            free.set()
        assert wait_until(lambda: done, "the new prompts")[0].successful
        found = graph.ask("/encoding", graph.image(), topics)["classification"]
        assert len(found.results) == 3
        graph.status(name, lambda status: "encoded" not in status.message)


def test_labels_change_after_the_last_frame_that_has_the_old(graph, clip, monkeypatch, calls):
    from sensor_msgs.msg import Image
    from vision_msgs.msg import Classification, LabelInfo

    from ros.graph import LATCHED

    name, free, published = "/flying/perception", threading.Event(), []

    def note(message, info):
        """What a message is about, by the time at which it was published: topics overtake each other."""
        about = names(message) if isinstance(message, LabelInfo) else len(message.results)
        published.append((info["source_timestamp"], about))

    def order():
        return [about for _, about in sorted(published, key=lambda entry: entry[0])]

    with graph.node("/flying", model=clip, prompts=["a cup", "a cat"]) as node:
        assert graph.set(name, classification__threshold=0.0).successful
        camera = graph.client.create_publisher(Image, "/flying/image", 10)
        subscriptions = [
            graph.client.create_subscription(LabelInfo, "/flying/label_info", note, LATCHED),
            graph.client.create_subscription(Classification, "/flying/classification", note, 10),
        ]
        wait_until(lambda: 2 in order(), "an answer", lambda: camera.publish(graph.image()))
        models, computing = node._pipeline.models, threading.Event()
        fast = models.batch

        def slow(*given):
            found = fast(*given)
            computing.set()
            assert free.wait(DEADLINE)
            return found

        monkeypatch.setattr(models, "batch", slow)
        wait_until(computing.is_set, "a frame in flight", lambda: camera.publish(graph.image()))
        published.clear()
        try:
            assert graph.set(name, prompts=["a dog", "a bus", "a boat"]).successful
            graph.status(name)
            assert ["a dog", "a bus", "a boat"] not in order(), "before the frame that has the old ones"
        finally:
            free.set()
        wait_until(lambda: 3 in order(), "the new prompts", lambda: camera.publish(graph.image()))
        graph.destroy(camera, *subscriptions)
    change = order().index(["a dog", "a bus", "a boat"])
    assert 2 in order()[:change]
    assert 2 not in order()[change:]
