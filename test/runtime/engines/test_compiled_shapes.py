"""What is compiled beside what runs, and what is released."""

import threading
import time

import pytest

from vit_perception.runtime.beside import works_beside
from vit_perception.runtime.engines import compiled_shapes
from vit_perception.runtime.engines.compiled_shapes import CompiledShapes, Interrupted

A, B, C = ((("image", (1, side, side, 3)),) for side in (8, 16, 24))


class Compiler:
    """Compiles when it is let."""

    def __init__(self):
        self.free = threading.Event()
        self.error = None
        self.made = []

    def __call__(self, shapes):
        assert self.free.wait(60)
        if self.error is not None:
            raise self.error
        self.made.append(shapes)
        return shapes


@pytest.fixture
def compiler():
    compiler = Compiler()
    compiler.free.set()
    yield compiler
    compiler.free.set()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_one_runs_while_another_is_compiled(compiler):
    shapes = CompiledShapes(compiler, most=2)
    assert shapes.get(A) == A
    compiler.free.clear()
    assert not shapes.want(B)
    assert shapes.compiling
    assert works_beside()
    assert not shapes.want(B)
    assert shapes.want(A)
    assert shapes.get(A) == A
    compiler.free.set()
    wait_for(lambda: shapes.want(B))
    assert not shapes.compiling
    assert shapes.get(B) == B
    assert compiler.made == [A, B]


def test_two_are_kept_and_the_one_that_nobody_wants_goes(compiler, monkeypatch):
    shapes = CompiledShapes(compiler, most=2)
    for each in (A, B, C):
        shapes.get(each)
        assert len(shapes.ready) <= 2
    assert shapes.ready == (B, C)
    monkeypatch.setattr(compiled_shapes, "_UNWANTED", 3600.0)
    assert not shapes.want(A), "both are in use"
    assert not shapes.compiling
    monkeypatch.setattr(compiled_shapes, "_UNWANTED", -1.0)
    assert shapes.want(B)
    assert not shapes.want(A)
    wait_for(lambda: shapes.want(A))
    assert shapes.ready == (B, A)


def test_what_cannot_be_compiled_is_said_and_tried_again(compiler):
    shapes = CompiledShapes(compiler, most=2)
    shapes.get(A)
    compiler.error = RuntimeError("no memory")
    with pytest.raises(RuntimeError, match="no memory"):
        shapes.get(B)
    shapes.want(B)
    wait_for(lambda: not shapes.compiling)
    with pytest.raises(RuntimeError, match="no memory"):
        shapes.want(B)
    assert shapes.want(A)
    compiler.error = None
    assert shapes.get(B) == B


def test_a_wait_can_be_ended(compiler):
    shapes = CompiledShapes(compiler, most=2)
    compiler.free.clear()
    ended = []

    def wait():
        try:
            shapes.get(A)
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_for(lambda: shapes.compiling)
    while thread.is_alive():
        shapes.interrupt()
        thread.join(0.01)
    assert ended
    compiler.free.set()
    assert shapes.get(A) == A, "the compilation went on"
    assert compiler.made == [A]
