"""Whether windows can be opened."""

from __future__ import annotations

import os
import sys
from functools import cache

NO_WINDOWS = "this OpenCV opens no windows"

_HEADLESS = 3
_TRY = f"""
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except Exception:
    pass
import cv2
try:
    cv2.namedWindow("pydarknet")
except cv2.error:
    sys.exit({_HEADLESS})
"""


def has_display() -> bool:
    """Whether the environment names a place for windows."""
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


@cache
def display_problem() -> str:
    """Why no window can be opened, or ''.

    Another process tries it: where a display is named that doesn't answer, as in a session of ssh or tmux that has
    outlived it, Qt ends the program.
    """
    import subprocess

    try:
        code = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, timeout=60).returncode
    except (OSError, subprocess.TimeoutExpired):
        code = -1
    if code == _HEADLESS:
        return NO_WINDOWS
    name = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "of this machine"
    return f"the display {name} can't be opened" if code else ""
