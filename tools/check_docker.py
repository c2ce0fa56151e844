#!/usr/bin/env python3
"""Builds the images of docker/Dockerfile and asks each for answers. Needs Docker and the standard library.

In a container whose files nobody can change, a picture goes through live nodes, and the default command has
to become active and to end when it is told to.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Image → the device that it computes on, and what `docker run` needs for it.
IMAGES = {"cpu": ("cpu", ()), "gpu": ("cuda", ("--gpus", "all"))}
PICTURE = ROOT / "docs" / "answers.png"
# Of a container on a robot whose file system is read-only.
READ_ONLY = ("--read-only", "--tmpfs", "/tmp")
START_SECONDS, STOP_SECONDS = 120, 20
_KILLED = 137


class CheckFailed(RuntimeError):
    """An image is not what it should be; the message says why."""


def docker(*arguments: str) -> str:
    """Output of a docker command.

    Raises:
        CheckFailed: it ended with an error; the message has what it wrote.
    """
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    if result.returncode:
        raise CheckFailed(f"docker {' '.join(arguments)}\n{result.stdout}{result.stderr}")
    return result.stdout.strip()


def logs(container: str) -> str:
    """What a container has written."""
    command = ["docker", "logs", container]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def check(image: str) -> None:
    """Build an image and try it, with a line for each thing that was found to hold.

    Raises:
        CheckFailed: something does not hold.
    """
    device, options = IMAGES[image]
    tag = f"vit_perception:{image}"
    start = time.monotonic()
    # Minutes, of which Docker shows the progress.
    build = ["docker", "build", "--file", "docker/Dockerfile", "--target", image, "--tag", tag, "."]
    if subprocess.run(build, cwd=ROOT).returncode:
        raise CheckFailed(f"{tag} cannot be built")
    size = int(docker("image", "inspect", "--format", "{{.Size}}", tag)) / 1e9
    print(f"{tag}: built in {time.monotonic() - start:.0f} s, {size:.1f} GB", flush=True)
    print(f"{tag}: {answers(tag, device, options)}", flush=True)
    print(f"{tag}: {life(tag, options)}", flush=True)


def answers(tag: str, device: str, options: Sequence[str]) -> str:
    """Replay a picture through live nodes; gives what came of it."""
    replay = f"vit-perception replay /pictures --output /tmp/out --device {device} >&2"
    command = f"{replay} && cat /tmp/out/summary.json"
    volume = f"{PICTURE}:/pictures/{PICTURE.name}:ro"
    output = docker("run", "--rm", *READ_ONLY, *options, "--volume", volume, tag, "bash", "-c", command)
    summary = json.loads(output)
    if not summary["frames_processed"] == summary["frames_in"] == 1:
        raise CheckFailed(f"the picture was not answered: {output}")
    answered = [topic for topic, score in summary["topics"].items() if score["count"]]
    if not {"/detections", "/segmentation/mask", "/navigation/action", "/attention/heatmap"} <= set(answered):
        raise CheckFailed(f"answers came only on {', '.join(answered)}")
    return f"a picture was answered on {len(answered)} topics by {summary['engine']}, {summary['precision']}"


def life(tag: str, options: Sequence[str]) -> str:
    """Start the default command, wait until its node is active, and stop it; gives what came of it."""
    name = f"vit_perception_check_{os.getpid()}"
    docker("run", "--detach", "--name", name, *READ_ONLY, *options, tag)
    try:
        start = time.monotonic()
        while not active(name):
            if time.monotonic() - start > START_SECONDS:
                raise CheckFailed(f"no active node after {START_SECONDS} s:\n{logs(name)}")
            time.sleep(1)
        started = time.monotonic() - start
        user = docker("exec", name, "id", "--user")
        if user == "0":
            raise CheckFailed("the node runs as root")
        start = time.monotonic()
        docker("stop", "-t", str(STOP_SECONDS), name)
        if int(docker("inspect", "--format", "{{.State.ExitCode}}", name)) == _KILLED:
            raise CheckFailed(f"it did not stop within {STOP_SECONDS} s:\n{logs(name)}")
        stopped = time.monotonic() - start
    finally:
        docker("rm", "--force", "--volumes", name)
    return f"active after {started:.0f} s as user {user}, stopped in {stopped:.0f} s"


def active(name: str) -> bool:
    """Whether the node of the default command is active."""
    try:
        state = docker("exec", name, "./entrypoint.sh", "ros2", "lifecycle", "get", "/perception")
    except CheckFailed:  # the node is not there yet
        return False
    return state.startswith("active")


def main() -> int:
    """Check the images that were named; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="+", choices=list(IMAGES))
    images = parser.parse_args().images
    try:
        docker("info")
    except (OSError, CheckFailed):
        print("No image was built or checked: no Docker runs here (`docker info` fails).", file=sys.stderr)
        return 1
    try:
        for image in images:
            check(image)
    except CheckFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
