"""`pydarknet demo CFG WEIGHTS [VIDEO]`: detection in videos, cameras and sequences of images."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .. import options
from ..parser import UsageError, real, whole

if TYPE_CHECKING:
    from ...video.tracking import Follow

VIDEO = (
    "a video file or URL, the number of a camera, a folder or pattern of images, or img_%%04d.jpg "
    "(default: the camera of -c)"
)


class HeightOrHelp(argparse.Action):
    """Darknet's `-h N` is the camera's height; without a number it is help, as everywhere."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if values is None:
            parser.print_help()
            parser.exit()
        setattr(namespace, self.dest, values)


def add_arguments(parser: argparse.ArgumentParser, data_first: bool = False) -> None:
    """Add the files and all options."""
    options.add_network(parser, data_first, by_name=not data_first)
    parser.add_argument("video", metavar="VIDEO", nargs="?", help=VIDEO)
    parser.add_argument("--help", action="help", help="show this help")
    group = parser.add_argument_group("frames")
    group.add_argument(
        "-c", "--camera", type=whole(0), default=0, metavar="N", help="number of the camera (default: 0)"
    )
    group.add_argument("-w", "--width", type=whole(1), default=0, metavar="N", help="width to ask of the camera")
    group.add_argument(
        "-h",
        "--height",
        type=whole(1),
        nargs="?",
        default=0,
        action=HeightOrHelp,
        metavar="N",
        help="height to ask of the camera",
    )
    group.add_argument(
        "-fps", "--fps", type=whole(1), default=0, metavar="N", help="frames per second to ask of the camera"
    )
    group.add_argument(
        "-s", "--skip", type=whole(0), default=0, metavar="N", help="frames to skip after each one (default: 0)"
    )
    group.add_argument(
        "-avg", "-avgframes", "--average", type=whole(1, 100), default=1, metavar="N",
        help="average the outputs over N frames; Darknet's demo always takes 3 (default: 1)",
    )  # fmt: skip
    group.add_argument("-time_limit_sec", "--max-seconds", type=real(0, 1e9), metavar="S", help="end after S seconds")
    group.add_argument(
        "-prefix", "--prefix", metavar="NAME", help="write the drawn frames to NAME_00000000.jpg and so on; no window"
    )
    # Darknet's demo suppresses otherwise than its `test`.
    options.add_detection(parser, nms=0.4, nms_kind="obj")
    options.add_size(parser)
    options.add_reported(parser)
    options.add_lines(parser)
    options.add_files(parser, "the annotated video: .mp4, .avi, .mkv, .mov or .webm", video=True)
    parser.add_argument("-json_file_output", metavar="FILE", help="--save json --save-to FILE")
    parser.add_argument("-dontdraw_bbox", "--no-boxes", dest="boxes", action="store_false", help="draw no boxes")
    parser.add_argument("-benchmark", dest="no_draw", action="store_true", help="--no-draw: measure without a window")
    options.add_ports(parser)
    options.add_machine(parser)
    options.add_packed_cache(parser)
    options.add_quiet(parser)
    options.add_window(parser)


def run(args: argparse.Namespace, follow: Follow | None = None) -> int:
    """0; ImageError if there is no such video. `follow` gives what is found its numbers."""
    from ...video.source import Camera, open_video
    from ..loading import complete
    from ..play import play
    from ..saving import detector

    videos = complete(args, [args.video] if args.video else [])
    if len(videos) > 1:
        raise UsageError(f"expected WEIGHTS and a video, or a video alone, found {' and '.join(videos)}")
    args.video = videos[0] if videos else None
    with detector(args) as net:
        camera = Camera(args.camera, args.width, args.height, args.fps)
        play(net, open_video(args.video, camera, args.skip, net.inputs.c), args, follow)
    return 0
