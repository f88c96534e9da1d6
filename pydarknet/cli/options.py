"""Options that several commands share. Each has Darknet's spelling, where there is one, and the usual one."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from ..backends.machine import MAX_THREADS
from .parser import Parser, real, whole

if TYPE_CHECKING:
    from ..detection.nms import Kind
    from ..detection.options import DetectOptions

CFG = "a file, or a name of the package's own cfg/"
WEIGHTS = "a file, or a name of `pydarknet weights list`"
KINDS = ("json", "jsonl", "coco", "csv", "voc", "yolo")


def add_machine(parser: argparse.ArgumentParser) -> None:
    """What to compute on."""
    group = parser.add_argument_group("machine")
    group.add_argument(
        "-threads",
        "--threads",
        type=whole(1, MAX_THREADS),
        metavar="N",
        help="number of threads (default: one for every processor)",
    )
    group.add_argument(
        "-device",
        "--device",
        metavar="NAME",
        help="cpu (default), cuda, cuda:N, auto (a GPU if it can be used) or emu",
    )
    group.add_argument(
        "-precision",
        "--precision",
        metavar="NAME",
        help="what convolutions round their inputs to: fp32 (default on the CPU), tf32 (on GPUs only, the default "
        "there), fp16, bf16",
    )
    group.add_argument("-i", "--gpu", type=whole(-1, 9999), metavar="N", help="GPU N if it can be used; -1: the CPU")
    group.add_argument("-gpus", "--gpus", dest="gpu", type=gpu_list, action=FirstGpu, metavar="N,...",
                       help="like -i with the first number; a network runs on one GPU")  # fmt: skip
    group.add_argument("-nogpu", "--no-gpu", action="store_true", help="compute on the CPU")


def add_packed_cache(parser: argparse.ArgumentParser) -> None:
    """For commands that start often, with the same weights."""
    parser.add_argument(
        "--packed-cache",
        action="store_true",
        help="keep the weights as the CPU multiplies them in a file beside WEIGHTS, so that the next start is "
        "faster; it is one to three times as large",
    )


class FirstGpu(argparse.Action):
    """Darknet's `-gpus 0,1`, of which the first works."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        first, *others = values
        if others and isinstance(parser, Parser):
            parser.note(f"{option} {','.join(map(str, values))}: a network runs on one GPU; {first} is taken")
        setattr(namespace, self.dest, first)


def gpu_list(text: str) -> list[int]:
    """The type of Darknet's -gpus."""
    return [whole(-1, 9999)(number) for number in text.strip(",").split(",")]


def device_of(args: argparse.Namespace) -> str:
    """The device that the options of `add_machine` name."""
    if args.no_gpu or (args.device is None and (args.gpu is None or args.gpu < 0)):
        return "cpu"
    return args.device or f"auto:{args.gpu}"


def add_quiet(parser: argparse.ArgumentParser, bar: bool = True) -> None:
    """How much to say."""
    group = parser.add_argument_group("messages")
    group.add_argument("-quiet", "--quiet", action="store_true", help="print nothing but results and errors")
    if bar:
        group.add_argument(
            "-progress",
            "--progress",
            action="store_true",
            help="show a progress bar even if the output is not a terminal",
        )


def add_fit(parser: argparse.ArgumentParser) -> None:
    """How an image becomes the network's input."""
    parser.add_argument(
        "--fit",
        choices=("letterbox", "stretch"),
        help="how images are brought to the network's size (default: letterbox; for detectors in the dialect "
        "alexeyab as his: stretch, unless [net] has letter_box=1)",
    )
    parser.add_argument(
        "-letter_box", "--letter-box", dest="fit", action="store_const", const="letterbox", help="--fit letterbox"
    )


def add_network(parser: argparse.ArgumentParser, data_first: bool = False, by_name: bool = False) -> None:
    """The files of a network and, for the names of its classes, a .data file: in front, as Darknet's commands have
    it, or as an option. `by_name`: WEIGHTS may be left out (`loading.complete`)."""
    if data_first:
        parser.add_argument("data", metavar="DATA", help="a .data file; its names= is used")
    parser.add_argument("cfg", metavar="CFG", help=CFG)
    if by_name:
        parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help=f"{WEIGHTS}; not needed if CFG is one, too")
    else:
        parser.add_argument("weights", metavar="WEIGHTS", help=WEIGHTS)
    add_names(parser, data=not data_first)


def add_names(parser: argparse.ArgumentParser, data: bool) -> None:
    """Options for the names of the classes and the network's dialect."""
    parser.add_argument("--dialect", metavar="NAME",
                        help="whose batch norm: paper2017, darknet2018 or alexeyab (default: the cfg's)")  # fmt: skip
    parser.add_argument("-names", "--names", metavar="FILE", help="names of the classes, one per line")
    if data:
        parser.add_argument("-data", "--data", metavar="FILE", help="a .data file; its names= is used")


def add_detection(
    parser: argparse.ArgumentParser, nms: float = 0.45, nms_kind: Kind = "sort", thresh: float = 0.5
) -> None:
    """What counts as a detection."""
    group = parser.add_argument_group("detection")
    share = real(0, 1)
    group.add_argument(
        "-thresh",
        "--thresh",
        "--conf",
        type=share,
        default=thresh,
        metavar="P",
        help=f"minimum probability of a detection (default: {thresh})",
    )
    group.add_argument(
        "-hier",
        "--hier",
        "--hier-thresh",
        dest="hier_thresh",
        type=share,
        metavar="P",
        help="minimum probability to go further down a tree of classes (default: 0.5)",
    )
    group.add_argument(
        "--hier-mode",
        choices=("darknet", "paper"),
        help="multiply probabilities on the way down twice, as Darknet does, or once, as the paper says (default: "
        "darknet)",
    )
    group.add_argument(
        "-nms",
        "--nms",
        "--iou",
        type=share,
        default=nms,
        metavar="IOU",
        help=f"maximum overlap (IoU) of two boxes; 0 keeps all boxes (default: {nms})",
    )
    group.add_argument(
        "--nms-kind",
        choices=("sort", "obj", "greedynms", "diounms"),
        help="boxes compete within each class, across all classes, or within a class by AlexeyAB's centre distance "
        f"(default: what the cfg says, else {nms_kind})",
    )
    parser.set_defaults(usual_nms_kind=nms_kind)
    add_fit(group)  # type: ignore[arg-type]


def detect_options(args: argparse.Namespace) -> DetectOptions:
    """What the arguments of `add_detection` say."""
    from dataclasses import fields

    from ..detection.options import DetectOptions

    given = vars(args)
    return DetectOptions().but(
        **{each.name: given[each.name] for each in fields(DetectOptions) if each.name in given}
    )


def add_reported(parser: argparse.ArgumentParser) -> None:
    """What of the detections is reported."""
    group = parser.add_argument_group("what is reported")
    group.add_argument(
        "--classes", type=name_list, action="extend", metavar="NAME,...",
        help="only these classes, each with all below it in the tree: names, ids in the tree, or numbers",
    )  # fmt: skip
    group.add_argument("--leaf-only", action="store_true", help="only what is a leaf of the tree")
    group.add_argument("--depth", type=whole(1), metavar="N", help="go no deeper than level N of the tree")
    group.add_argument(
        "--min-size", type=real(0, 1e6), default=0.0, metavar="PIXELS", help="only boxes at least so wide and so high"
    )


def add_tiles(parser: argparse.ArgumentParser) -> None:
    """Looking at parts of images."""
    group = parser.add_argument_group("tiles")
    group.add_argument(
        "--tile", type=whole(32, 1 << 20), default=0, metavar="PIXELS",
        help="look at the image once more in tiles of that side, for small objects in large images",
    )  # fmt: skip
    group.add_argument(
        "--tile-overlap",
        type=real(0, 0.9),
        default=0.2,
        metavar="SHARE",
        help="how much of a tile's side the next one shares (default: 0.2)",
    )


def add_size(parser: argparse.ArgumentParser) -> None:
    """Another input size of the network."""
    parser.add_argument(
        "--size", "--imgsz", type=size, metavar="N|WxH",
        help="width and height of the network's input, in place of the cfg's",
    )  # fmt: skip


def size(text: str) -> tuple[int, int]:
    """The type of --size: 416, or 544x416."""
    if not re.fullmatch(r"[0-9]+(x[0-9]+)?", text.lower()):
        raise argparse.ArgumentTypeError(f"expected a size such as 416 or 544x416, found {text!r}")
    width, _, height = text.lower().partition("x")
    one = whole(1, 1 << 16)
    return one(width), one(height or width)


def name_list(text: str) -> list[str]:
    """The type of --classes."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names with commas between, found {text!r}")
    return names


def add_lines(parser: argparse.ArgumentParser) -> None:
    """What the lines and labels say."""
    group = parser.add_argument_group("labels")
    group.add_argument(
        "-ext_output", "--ext-output", action="store_true", help="print the boxes too, as AlexeyAB's Darknet does"
    )
    group.add_argument("--path", action="store_true", help="print the path down the tree: animal > mammal > dog")
    group.add_argument(
        "--path-probabilities", action="store_true",
        help="print it with the probability of each: animal .97 > mammal .95 > dog .91",
    )  # fmt: skip


def add_files(parser: argparse.ArgumentParser, out_help: str, video: bool = False) -> None:
    """What is written."""
    group = parser.add_argument_group("files")
    spellings = ["-out", "--out", *(["-out_filename"] if video else [])]
    group.add_argument(*spellings, metavar="NAME", help=out_help)
    group.add_argument(
        "--save",
        action="append",
        default=[],
        choices=KINDS,
        metavar="KIND",
        help=f"save the detections: {', '.join(KINDS)}; may be given several times",
    )
    group.add_argument(
        "-save_labels", "--save-labels", dest="save", action="append_const", const="yolo", help="--save yolo"
    )
    group.add_argument(
        "--save-to",
        metavar="PATH",
        help="file or folder to save to, - for standard output (default: here; voc and yolo: ./results)",
    )
    group.add_argument(
        "--labels-beside", action="store_true",
        help="--save yolo beside the images, where training looks; other programs' labels are never replaced",
    )  # fmt: skip
    group.add_argument("--no-draw", action="store_true", help="write no image")


def add_ports(parser: argparse.ArgumentParser) -> None:
    """Streams of a demo."""
    group = parser.add_argument_group("streams")
    port = whole(0, 65535)
    group.add_argument(
        "-mjpeg_port", "--mjpeg-port", type=port, metavar="PORT", help="send the drawn frames to browsers and players"
    )
    group.add_argument(
        "-json_port", "--json-port", type=port, metavar="PORT", help="send the detections as a growing list in JSON"
    )
    group.add_argument(
        "-http_post_host", "--http-post-host", metavar="HOST[:PORT]/PATH",
        help="post the names of what is found in a frame to a server, as text",
    )  # fmt: skip
    group.add_argument("--stream-host", default="127.0.0.1", metavar="HOST",
                       help="the address the ports are at (default: 127.0.0.1, for this machine alone)")  # fmt: skip


def add_window(parser: argparse.ArgumentParser) -> None:
    """Windows."""
    group = parser.add_argument_group("window")
    group.add_argument("-dont_show", "--dont-show", action="store_true", help="open no window")
    group.add_argument("-fullscreen", "--fullscreen", action="store_true", help="make the window fill the screen")
