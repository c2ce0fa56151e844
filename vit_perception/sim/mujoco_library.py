"""The renderer, MuJoCo, imported when it is needed: nothing but pictures needs it."""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import Any

from vit_perception.install_hint import install_extra

NOT_INSTALLED = (
    f"pictures of simulated worlds need MuJoCo and EGL: {install_extra('sim')}, and on Debian apt install "
    "libegl1 libgl1-mesa-dri libglx-mesa0"
)


def load_mujoco() -> Any:
    """The module `mujoco`, which renders without a screen.

    Raises:
        RuntimeError: MuJoCo or EGL is not installed; the message says how to get both.
    """
    # Mesa, which draws without a GPU, and Triton, which comes with torch, both bring LLVM. Loaded after Mesa,
    # Triton crashes the process.
    with contextlib.suppress(ImportError):
        importlib.import_module("triton._C.libtriton")
    # It chooses how to render when it is imported.
    os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        import mujoco

        mujoco.GLContext  # noqa: B018 is missing where EGL is
    except (ImportError, AttributeError, OSError) as error:
        raise RuntimeError(f"{NOT_INSTALLED} ({error})") from None
    return mujoco
