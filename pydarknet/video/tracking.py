"""Numbers for what is seen again from frame to frame, by the trackers of the package `trackers`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..detection.results import Box, Detection
from ..errors import DataError
from ..system.arguments import check_choice, check_count, check_share

TRACKERS = {"bytetrack": "ByteTrackTracker", "ocsort": "OCSORTTracker", "sort": "SORTTracker"}
SURE = 0.5  # confidence from which something new gets a number

Follow = Callable[[Sequence[Detection]], list[Detection]]


class Tracker:
    """Gives the detections of one frame after the other their `track`: a number from 1 on, the same for as long as
    something is followed, or None until it has been seen often enough.

    `kind`: bytetrack (arXiv 2110.06864), ocsort (arXiv 2203.14360) or sort (arXiv 1602.00763). `lost`: for how many
    frames something that isn't seen keeps its number. `sure`: the confidence from which something new is followed;
    by what is less sure bytetrack and ocsort only go on. Classes of one box share its number; the tracker looks at
    places alone, whatever the classes. DataError without the package, ValueError for another kind.
    """

    def __init__(self, kind: str = "bytetrack", *, lost: int = 30, sure: float = SURE) -> None:
        check_choice("tracker", kind, tuple(TRACKERS))
        check_count("lost", lost, least=0)
        check_share("sure", sure)
        try:
            import supervision
            import trackers
        except ImportError as error:
            raise DataError(
                f"tracking needs the package trackers ({error}): pip install 'pydarknet[track]'"
            ) from error
        self._table: Any = supervision.Detections
        firm = "track_activation_threshold" if kind == "sort" else "high_conf_det_threshold"
        options: dict[str, Any] = {"lost_track_buffer": lost, firm: sure}
        if kind == "bytetrack":
            options["track_activation_threshold"] = sure
        self._tracker: Any = getattr(trackers, TRACKERS[kind])(**options)

    def __call__(self, found: Sequence[Detection]) -> list[Detection]:
        """The detections of the next frame, in their order, with their numbers."""
        surest: dict[Box, float] = {}
        for each in found:
            surest[each.box] = max(surest.get(each.box, 0.0), each.confidence)
        boxes = list(surest)
        edges = np.array([(box.left, box.top, box.right, box.bottom) for box in boxes], np.float32).reshape(-1, 4)
        given = self._table(
            xyxy=edges,
            confidence=np.array([surest[box] for box in boxes], np.float32),
            class_id=np.zeros(len(boxes), int),
            data={"place": np.arange(len(boxes))},
        )
        tracked = self._tracker.update(given)
        numbers = dict(zip(tracked.data.get("place", []), tracked.tracker_id, strict=True)) if len(tracked) else {}
        of_box = {box: int(numbers.get(place, -1)) for place, box in enumerate(boxes)}
        return [replace(each, track=of_box[each.box] + 1 or None) for each in found]
