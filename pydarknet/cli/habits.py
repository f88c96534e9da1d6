"""What people type for the other Darknets: options that change nothing here, and commands of another name.

Darknet finds an option wherever it stands, on whatever command, and ignores all it doesn't look for.
"""

from __future__ import annotations

from .parser import UsageError

# Options without a value; the text says what is not done, None where nothing is missing.
FLAGS: dict[str, str | None] = {
    "-dont_show": None,
    "--dont-show": None,
    "-dontuse_opencv": None,
    "-cuda_debug_sync": None,
    "-nogpu": None,
    "-fullscreen": None,
    "--fullscreen": None,
    "-letter_box": None,
    "-ext_output": None,
    "-dontdraw_bbox": None,
    "-benchmark": None,
    "-clear": None,
    "-map": None,
    "-save_labels": None,
    "-show": "no window is opened",
    "-show_imgs": "no window is opened; pydarknet data show draws images with their boxes",
    "-topk": "nothing is measured; pydarknet train --map measures on the valid list",
    "-benchmark_layers": "layers are not timed; pydarknet speed times the network",
}

# The same of options with one.
VALUES: dict[str, str | None] = {
    **dict.fromkeys(["-thresh", "-hier", "-iou_thresh", "-points", "-mAP_epochs", "-i", "-gpus"]),
    **dict.fromkeys(["-c", "-s", "-w", "-fps", "-avg", "-avgframes", "-time_limit_sec", "-class"]),
    "-mjpeg_port": "only demo sends its frames",
    "-http_port": "there is no server of images",
    "-json_port": "only demo sends its detections; --save jsonl --save-to - writes them as they come",
    "-http_post_host": "only demo posts its detections; --save jsonl --save-to - writes them as they come",
    "-chart": "the chart is drawn under its own name, chart_BASE.png beside the weights",
    "-prefix": "only demo writes frames",
    "-out_filename": "only demo writes a video",
    "-json_file_output": "only demo saves there; give detect --save json --save-to FILE",
}

_YOLO = ["-thresh", ".2"]

# Commands of YOLOv1's days: what is run instead. The names of 20 or 80 classes are found by their number.
ALIASES = {
    f"{first} {verb}": ([command], _YOLO)
    for first in ("yolo", "coco")
    for verb, command in (("test", "detect"), ("demo", "demo"))
}

# Options of other programs: what does it here, where the command has it; '' if it is a word without an option.
INSTEAD = {
    **dict.fromkeys(["width", "height", "w", "h", "img", "imgsz", "img-size", "input-size", "net-size"], "--size"),
    **dict.fromkeys(["conf-thres", "confidence", "score", "min-confidence"], "--thresh"),
    **dict.fromkeys(["iou-thres", "nms-thres", "nms-threshold"], "--nms"),
    **dict.fromkeys(["save-txt", "save-json", "save-csv", "output-format"], "--save"),
    **dict.fromkeys(["project", "output", "save-dir", "o"], "--out"),
    **dict.fromkeys(["iterations", "steps"], "--max-batches"),
    **dict.fromkeys(["silent", "q"], "--quiet"),
    **dict.fromkeys(["gpu-id", "cuda"], "--device"),
    "workers": "--threads",
    **dict.fromkeys(["weights", "model", "cfg", "config", "source", "input", "image", "images", "data", "video"], ""),
}

# Options of other programs that are keys of [net] here, where the command has no such option.
IN_CFG = {
    **dict.fromkeys(["size", "width", "height", "img", "imgsz", "img-size", "input-size"], "width= and height="),
    **dict.fromkeys(["batch", "batch-size"], "batch="),
    **dict.fromkeys(["lr", "lr0", "learning-rate"], "learning_rate="),
    "epochs": "max_batches= (iterations, epochs x images / batch; or --max-batches N)",
    **{key: f"{key}=" for key in ("momentum", "decay", "policy", "scales", "angle", "saturation", "exposure", "hue")},
}

# Commands with other arguments than Darknet's, or none: what to use.
SUCCESSORS = {
    **{
        f"{first} {verb}": f"use pydarknet detector {verb} DATA CFG {weights}"
        for first in ("yolo", "coco")
        for verb, weights in (("train", "[WEIGHTS]"), ("valid", "WEIGHTS"), ("recall", "WEIGHTS"))
    },
    "detector valid2": "use pydarknet detector valid",
    "detector draw": "use pydarknet detector test",
    "classifier demo": "videos are not classified; use pydarknet classify with images, or demo with a detector",
    "classifier test": "use pydarknet classifier predict, or classifier valid",
    "classifier label": "use pydarknet classifier predict",
    "classifier try": "use pydarknet classifier predict",
    **dict.fromkeys(
        ["classifier validmulti", "classifier valid10", "classifier validcrop", "classifier validfull"],
        "use pydarknet classifier valid",
    ),
    "rnn test": "use pydarknet rnn generate",
    **dict.fromkeys(["rnn generatetactic", "rnn validtactic"], "use pydarknet rnn generate, or rnn valid"),
    "rnn vec": "the outputs of a layer are net.layers[i].output, in Python",
    "imtest": "use pydarknet data show",
    "test": "use pydarknet detect",
    "visualize": "use pydarknet info, or export",
    **dict.fromkeys(["predict", "yolo", "coco"], "use pydarknet detect CFG WEIGHTS IMAGE, or pydarknet classify"),
    **dict.fromkeys(["val", "valid", "map", "eval"], "use pydarknet detector map DATA CFG WEIGHTS"),
    "recall": "use pydarknet detector recall DATA CFG WEIGHTS",
    "benchmark": "use pydarknet speed CFG",
}

_ABSENT = """3d art attention captcha cifar compare composite dice go isegmenter lsd mkimg nightmare regressor
    segmenter super swag tag vid voxel writing"""
ABSENT = frozenset(_ABSENT.split())


def renamed(arguments: list[str]) -> list[str]:
    """The arguments, with today's name for a command of YOLOv1's days. UsageError for one that there isn't."""
    name = " ".join(arguments[:2])
    if name in ALIASES:
        command, options = ALIASES[name]
        return [*command, *options, *arguments[2:]]
    first = arguments[0] if arguments else ""
    for old in (name, first):
        if old in SUCCESSORS:
            raise UsageError(f"there is no {old!r} here: {SUCCESSORS[old]}")
    if first in ABSENT:
        raise UsageError(f"Darknet's {first!r} is not part of pydarknet; see pydarknet --help for what is")
    return arguments
