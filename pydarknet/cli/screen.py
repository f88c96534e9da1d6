"""The window of a demo, where there is a display."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..system.display import NO_WINDOWS, display_problem
from .messages import say

if TYPE_CHECKING:
    from ..images.image import Picture

TITLE = "pydarknet"
ESCAPE, LEFT, UP, RIGHT, DOWN = 27, 81, 82, 83, 84  # as Darknet reads them
STEP = 0.02


class Screen:
    """Shows frames. Darknet's keys: Escape ends; up and down change the threshold, right and left the tree's.

    ImageError if there is a display that can't be opened.
    """

    def __init__(self, fullscreen: bool) -> None:
        import cv2

        problem = display_problem()
        if problem not in ("", NO_WINDOWS):
            raise ImageError(f"{problem}; -dont_show goes without a window")
        self._works = not problem
        if problem:
            say(f"{problem}; going on without (-dont_show says so from the start)")
            return
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
        if fullscreen:
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)

    def show(self, image: Picture, args: argparse.Namespace) -> bool:
        """Show a frame and obey the keys; False when the user wants to end."""
        if not self._works:
            return True
        import cv2

        cv2.imshow(TITLE, image)
        key = cv2.waitKey(1)
        return key == -1 or obey(key % 256, args)

    def close(self) -> None:
        """Close the window."""
        if self._works:
            import cv2

            cv2.destroyWindow(TITLE)


def obey(key: int, args: argparse.Namespace) -> bool:
    """Change the thresholds as the key says; False for the keys that end."""
    if key in (UP, DOWN):
        args.thresh = min(1.0, max(STEP, args.thresh + (STEP if key == UP else -STEP)))
    if key in (RIGHT, LEFT):
        args.hier_thresh = min(1.0, max(0.0, args.hier_thresh + (STEP if key == RIGHT else -STEP)))
    return key not in (ESCAPE, ord("q"))
