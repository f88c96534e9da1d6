"""The window of a demo, where there is a display."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..system.display import NO_WINDOWS, display_problem

if TYPE_CHECKING:
    from ..images.image import Image

TITLE = "pydarknet"
ESCAPE, LEFT, UP, RIGHT, DOWN = 27, 81, 82, 83, 84  # as Darknet reads them


class Screen:
    """Shows frames. ImageError if there is a display that can't be opened; `warn` is told that windows can't be."""

    def __init__(self, fullscreen: bool, warn: Callable[[str], None]) -> None:
        import cv2

        problem = display_problem()
        if problem not in ("", NO_WINDOWS):
            raise ImageError(f"{problem}; -dont_show goes without a window")
        self._works = not problem
        if problem:
            warn(f"{problem}; going on without (-dont_show says so from the start)")
            return
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
        if fullscreen:
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)

    def show(self, image: Image) -> int | None:
        """Show a frame; the key that was pressed meanwhile, None for none."""
        if not self._works:
            return None
        import cv2

        cv2.imshow(TITLE, image)
        key = cv2.waitKey(1)
        return None if key == -1 else key % 256

    def close(self) -> None:
        """Close the window."""
        if self._works:
            import cv2

            cv2.destroyWindow(TITLE)
