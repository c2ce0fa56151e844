"""The page against live nodes: what it shows is what was published, and who does not look costs nothing."""

from __future__ import annotations

import asyncio
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="the nodes need vision_msgs")
aiohttp = pytest.importorskip("aiohttp", reason="the page is served with aiohttp")

from rosbags.rosbag2 import Reader
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray

from browser import chromium, open_tab
from view.in_page import ALL_MAPS, BROWSER_SCENE, FIGURE, THRESHOLD, WRITTEN
from view.served import DEADLINE, connected, serving, unpack
from view.two_cameras import CAMERAS, HZ, NODE, two_cameras
from vit_perception.nodes.images import codec
from vit_perception.replay.cdr import NANOSECONDS

pytestmark = pytest.mark.live

LAYERS = ["detections", "segmentation/mask", "attention/heatmap", "navigation/action"]


@pytest.fixture(scope="module")
def graph():
    with two_cameras() as graph:
        yield graph


@pytest.fixture(scope="module")
def address(graph, tmp_path_factory):
    with serving("--control", "--output", str(tmp_path_factory.mktemp("bags"))) as address:
        yield address


def looking(layers=LAYERS, cameras=CAMERAS):
    return {"kind": "watch", "layers": {camera: list(layers) for camera in cameras}}


def has_cameras(message):
    return message["kind"] == "status" and set(message["cameras"]) == set(CAMERAS)


def is_whole(header):
    return {*header["boxes"], *header["maps"], *header["scores"]} >= set(LAYERS)


def by_stamp(messages):
    return {each.header.stamp.sec * NANOSECONDS + each.header.stamp.nanosec: each for each in list(messages)}


async def subscribers(graph, topic, count):
    """Wait until a topic has so many subscribers."""
    deadline = time.monotonic() + DEADLINE
    while graph.client.count_subscribers(topic) != count:
        assert time.monotonic() < deadline, graph.client.count_subscribers(topic)
        await asyncio.sleep(0.05)


def test_what_is_sent_is_what_was_published(graph, address):
    kinds = {
        "detections": Detection2DArray,
        "segmentation/mask": Image,
        "attention/heatmap": Image,
        "navigation/action": Classification,
        "image": Image,
    }
    published = {name: graph.listen(f"/view/rear/{name}", kind) for name, kind in kinds.items()}

    async def look():
        async with connected(address) as client:
            status = await client.text(has_cameras)
            assert {*LAYERS, "classification"} <= set(status["cameras"]["/view/rear"]["layers"])
            await client.say(**looking())
            bundle = await client.picture(lambda each: each["camera"] == "/view/rear" and is_whole(each))
            said = await client.text(
                lambda each: has_cameras(each) and "detections" in each["cameras"]["/view/rear"]["topics"]
            )
            return unpack(bundle), said["cameras"]["/view/rear"], said["nodes"][NODE]

    (header, jpeg, maps), about, node = asyncio.run(look())
    stamp = int(header["stamp"])
    shown = {name: by_stamp(messages)[stamp] for name, messages in published.items()}

    assert len(header["boxes"]["detections"]) == len(shown["detections"].detections) > 0
    for box, detection in zip(header["boxes"]["detections"], shown["detections"].detections, strict=True):
        left, top, width, height = box["box"]
        centre = detection.bbox.center.position
        assert (left + width / 2, top + height / 2) == pytest.approx((centre.x, centre.y))
        assert (width, height) == pytest.approx((detection.bbox.size_x, detection.bbox.size_y))
        hypothesis = detection.results[0].hypothesis
        assert (box["class"], box["score"]) == (hypothesis.class_id, hypothesis.score)
    mask = codec.decode(shown["segmentation/mask"], "mono8")
    np.testing.assert_array_equal(maps["segmentation/mask"], mask)
    rule = header["maps"]["attention/heatmap"]
    heat = rule["low"] + rule["step"] * maps["attention/heatmap"]
    np.testing.assert_allclose(heat, codec.decode(shown["attention/heatmap"], "32FC1"), atol=0.5 / 255 + 1e-6)
    assert header["scores"]["navigation/action"] == [
        [each.class_id, each.score] for each in shown["navigation/action"].results
    ]
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    sent = codec.decode(shown["image"], "bgr8")
    assert np.abs(picture.astype(int) - sent).mean() < 8  # of 255, by JPEG; the other camera's is further off

    assert about["image"] == "/view/rear/image"
    assert about["labels"]["detections"]["0"] == "person"
    assert 0 < about["topics"]["detections"]["hz"] <= 2 * HZ
    assert 0 < about["topics"]["detections"]["age_ms"] < 5000
    assert float(node["values"]["output_hz"]) > 0


def test_what_is_in_metres(graph, address):
    layers = ["detections", "detections_3d", "segmentation/points", "depth_image"]

    async def look():
        async with connected(address) as client:
            status = await client.text(has_cameras)
            offered = {camera: about["layers"] for camera, about in status["cameras"].items()}
            await client.say(**looking(layers, ["/view/front"]))
            bundle = await client.picture(lambda each: each["metres"] and each["points"] and each["maps"])
            return offered, unpack(bundle)

    offered, (header, _, maps) = asyncio.run(look())
    assert set(layers) <= set(offered["/view/front"])
    assert "depth_image" not in offered["/view/rear"]
    assert {each["distance"] for each in header["metres"]} == {2.5}
    scores = [(each["class"], each["score"]) for each in header["boxes"]["detections"]]
    assert {(each["class"], each["score"]) for each in header["metres"]} <= set(scores)
    assert header["points"] == {"known": 120 * 200, "all": 150 * 200}
    assert (maps["depth_image"] == 0).sum() == 30 * 200


def test_nobody_is_subscribed_to_what_nobody_looks_at(graph, address):
    async def look():
        async with connected(address) as client:
            await client.text(has_cameras)
            await subscribers(graph, "/view/front/classification", 0)
            await client.say(**looking(["classification"], ["/view/front"]))
            await subscribers(graph, "/view/front/classification", 1)
            await client.picture(lambda each: "classification" in each["scores"])
            assert graph.client.count_subscribers("/view/rear/classification") == 0
            await client.say(kind="watch", layers={})
            await subscribers(graph, "/view/front/classification", 0)
            await client.say(**looking(["classification"], ["/view/front"]))
            await subscribers(graph, "/view/front/classification", 1)
        await subscribers(graph, "/view/front/classification", 0)  # since the page is closed

    asyncio.run(look())


def test_a_page_that_does_not_draw_gets_one_picture_and_is_then_nobody(graph, address):
    async def look():
        async with connected(address) as stalled, connected(address) as other:
            await stalled.text(has_cameras)
            await stalled.say(**looking(["classification"], ["/view/front"]))
            pictures = []
            reader = asyncio.create_task(stalled.read_without_drawing(pictures))
            await subscribers(graph, "/view/front/classification", 1)
            for _ in range(20):  # the other page goes on meanwhile
                await other.say(**looking(["detections"], ["/view/front"]))
                await other.picture(lambda each: "detections" in each["boxes"])
            await subscribers(graph, "/view/front/classification", 0)
            reader.cancel()
            assert len(pictures) == 1
            await stalled.say(kind="drawn", camera="/view/front")
            await stalled.picture(lambda each: "classification" in each["scores"])

    asyncio.run(look())


def test_controls_are_the_nodes_parameters(graph, address):
    async def turn():
        async with connected(address) as client:
            found = await client.text(lambda each: each["kind"] == "controls" and each["node"] == NODE)
            controls = {each["name"]: each for each in found["controls"]}
            assert controls["detection.threshold"]["value"] == pytest.approx(0.05)
            assert controls["enabled_tasks"]["choices"] == list(graph.get(NODE, "tasks"))
            assert controls["prompts"]["value"] == []

            async def put(name, value):
                await client.say(kind="set", node=NODE, name=name, value=value)
                return (await client.text(lambda each: each["kind"] == "answer"))["text"]

            assert await put("detection.threshold", 1) == ""
            assert await asyncio.to_thread(graph.get, NODE, "detection.threshold") == 1.0
            tasks = ["detection", "attention"]
            assert await put("enabled_tasks", tasks) == ""
            assert list(await asyncio.to_thread(graph.get, NODE, "enabled_tasks")) == tasks
            assert "7" in await put("detection.threshold", 7)
            assert "flying" in await put("enabled_tasks", ["flying"])
            assert "model" in await put("model", ["other"])
            # Set by somebody else, and shown here.
            await asyncio.to_thread(graph.set, NODE, detection__threshold=0.05)

            def is_shown(message):
                return message["kind"] == "controls" and 0.05 in [
                    each["value"] for each in message["controls"] if each["name"] == "detection.threshold"
                ]

            await client.text(is_shown)
            assert await put("enabled_tasks", list(graph.get(NODE, "tasks"))) == ""

    asyncio.run(turn())


def test_a_bag_of_what_is_shown(graph, address):
    async def record():
        async with connected(address) as client:
            await client.text(has_cameras)
            await client.say(**looking(["detections"], ["/view/front"]))
            await client.picture(lambda each: "detections" in each["boxes"])
            await client.say(kind="record", on=True)
            path = (await client.text(lambda each: each["kind"] == "answer"))["text"].split(" into ")[1]
            await client.text(
                lambda each: (
                    each["kind"] == "status" and each["recording"] and each["recording"]["messages"] > 20
                )
            )
            await client.say(kind="record", on=False)
            return path, (await client.text(lambda each: each["kind"] == "answer"))["text"]

    path, said = asyncio.run(record())
    with Reader(path) as reader:
        counts = {topic: info.msgcount for topic, info in reader.topics.items()}
        assert said == f"{reader.message_count} messages in {path}"
    assert {"/view/front/image", "/view/front/detections", "/view/front/label_info", "/diagnostics"} <= set(
        counts
    )
    assert counts["/view/front/image"] > 2
    assert not any(topic.startswith("/view/rear") for topic in counts)


def test_others_need_the_token_and_may_read_only(graph):
    with serving("--host", "0.0.0.0") as address:
        base, _, token = address.replace("0.0.0.0", "127.0.0.1").partition("?token=")
        assert len(token) >= 16

        async def knock():
            async with aiohttp.ClientSession() as session:
                for path in ("", "page.js", "socket", "?token=wrong"):
                    async with session.get(f"{base}{path}") as response:
                        assert response.status == 403, path
            # As a browser: the token once, then as a cookie.
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(cookie_jar=jar) as session:
                async with session.get(f"{base}?token={token}") as response:
                    assert response.status == 200
                    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
                async with session.get(f"{base}page.js") as response:
                    assert response.status == 200
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(f"{base}socket", origin="http://evil.example")
                assert refused.value.status == 403
            async with connected(f"{base}?token={token}", origin=base.rstrip("/")) as client:
                hello = await client.text(lambda each: each["kind"] == "hello")
                assert hello["control"] is False
                assert [len(hello[name]) for name in ("palette", "shades")] == [256, 256]
                await client.text(has_cameras)
                for request in (
                    {"kind": "set", "node": NODE, "name": "detection.threshold", "value": 0.9},
                    {"kind": "record", "on": True},
                ):
                    await client.say(**request)
                    said = await client.text(lambda each: each["kind"] == "answer")
                    assert "--control" in said["text"]
                await client.socket.send_str("no request")
                while (message := await client.socket.receive()).type == aiohttp.WSMsgType.TEXT:
                    pass
                assert message.type == aiohttp.WSMsgType.CLOSE

        asyncio.run(knock())
        assert graph.get(NODE, "detection.threshold") == pytest.approx(0.05)


@pytest.mark.skipif(chromium() is None, reason="needs Chromium (Debian: apt install chromium)")
def test_a_browser_draws_what_was_published(graph, address, tmp_path):
    published = graph.listen("/view/front/detections", Detection2DArray)
    masks = graph.listen("/view/front/segmentation/mask", Image)

    async def look():
        async with open_tab(address, tmp_path) as tab:
            await tab.wait_for(
                '"boxes" in (Page.scenes["/view/front"]?.header ?? {}) && '
                '"detections" in Page.scenes["/view/front"].header.boxes && '
                '"segmentation/mask" in Page.scenes["/view/front"].maps'
            )
            await tab.wait_for("document.querySelectorAll('figure').length === 2")
            # The scene on the canvas stays while it is compared.
            shown = await tab.evaluate(BROWSER_SCENE)
            await tab.evaluate(f"{THRESHOLD}.value = 0.6, {THRESHOLD}.onchange()")
            while await asyncio.to_thread(graph.get, NODE, "detection.threshold") != 0.6:
                await asyncio.sleep(0.1)
            await tab.wait_for("document.querySelectorAll('.curve canvas').length >= 4")
            for layer in ("attention/heatmap", "depth_image", "detections_3d", "segmentation/points"):
                await tab.evaluate(f"""document.querySelector("[data-layer='{layer}']").click()""")
            await tab.wait_for(f"{ALL_MAPS} === 3 && / m(,|$)/.test({WRITTEN})")
            await tab.wait_for(
                f"{FIGURE}.querySelector('.scores').textContent.includes('24000 of 30000 points')"
            )
            assert not tab.errors
            return shown

    shown = asyncio.run(look())
    stamp = int(shown["stamp"])
    detections = by_stamp(published)[stamp].detections
    assert shown["size"] == [200, 150]
    assert len(shown["boxes"]) == len(detections) > 0
    assert shown["boxes"][0]["box"][2:] == pytest.approx(
        [detections[0].bbox.size_x, detections[0].bbox.size_y]
    )
    np.testing.assert_array_equal(
        np.array(shown["mask"]).reshape(150, 200), codec.decode(by_stamp(masks)[stamp], "mono8")
    )
    assert shown["edges"]
    for edge in shown["edges"]:
        assert np.abs(np.array(edge["on"]) - edge["colour"]).max() <= 2, edge
    difference = np.abs(np.array(shown["with_mask"]) - np.array(shown["without"]))
    assert difference.mean() > 5
    assert graph.get(NODE, "detection.threshold") == pytest.approx(0.6)
    graph.set(NODE, detection__threshold=0.05)
