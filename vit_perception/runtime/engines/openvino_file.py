"""A compiled model as a file: what the next start takes in place of graph and weights.

OpenVINO's own cache (`CACHE_DIR`) first needs the whole graph, of which it computes the file's name: for the
default model a second at each start, and 140 MB more at its peak.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.runtime.malloc import page_out

# Of a file, at its end, so that what a power cut left of one is not taken for it.
_CHECKSUM_BYTES = 4


class CompiledFile:
    """The file of one compiled model.

    Args:
        core: an openvino.Core.
        folder: in which it is.
        facts: all that the model was compiled from and for, as JSON has it; others are another file.
        options: of OpenVINO, to compile or to load it.
    """

    def __init__(self, core: Any, folder: Path, facts: Mapping[str, Any], options: Mapping[str, str]) -> None:
        self._core, self._options = core, options
        text = json.dumps([facts, options, _machine(core)], sort_keys=True)
        self._path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.blob"

    def load(self) -> Any:
        """An openvino.InferRequest of it, or None if there is no whole one.

        It points into the mapped file. Once it has computed, it has the weights in an order of its own, and
        most pages of the file leave the memory.
        """
        import openvino

        with contextlib.suppress(OSError, ValueError, RuntimeError):  # not there, empty, not OpenVINO's
            content = np.memmap(self._path, np.uint8, "c")  # OpenVINO takes no tensor that is read-only
            model, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
            if zlib.crc32(model.data) == int.from_bytes(checksum.tobytes(), "little"):
                tensor = openvino.Tensor(model, shared_memory=True)
                request = self._core.import_model(tensor, "CPU", self._options).create_infer_request()
                request.infer()
                page_out(model.ctypes.data, model.ctypes.data + model.nbytes)
                return _Request(request, content)
        return None

    def save(self, compiled: Any) -> bool:
        """Keep an openvino.CompiledModel, if there is room; whether it was kept."""
        content = io.BytesIO()
        compiled.export_model(content)
        # Of a name of its own, since several nodes may start at once; of this suffix, so that what a signal
        # left of one goes with the oldest.
        writing = self._path.with_suffix(f".{uuid.uuid4().hex}.blob")
        try:
            with writing.open("xb") as file, content.getbuffer() as model:
                file.write(model)
                file.write(zlib.crc32(model).to_bytes(_CHECKSUM_BYTES, "little"))
                file.flush()
                os.fsync(file.fileno())  # pages that wait for the disk do not leave the memory
            writing.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                writing.unlink()
            return False
        return True


class _Request:
    """An openvino.InferRequest with the memory that it points into."""

    def __init__(self, request: Any, memory: np.ndarray) -> None:
        self.infer, self._memory = request.infer, memory


def _machine(core: Any) -> list[Any]:
    """What else decides whether a compiled model can be used."""
    import openvino

    processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    return [openvino.get_version(), *processor]
