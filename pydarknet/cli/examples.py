"""An example or two of each command and verb, for its --help and for the docs; a test parses every one."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "detect": (
        "pydarknet detect cfg/yolov2.cfg weights/yolov2.weights img.jpg",
        "pydarknet detect cfg/yolov2.cfg weights/yolov2.weights photos/ --save jsonl --save-to found.jsonl",
        "pydarknet detect cfg/yolov2.cfg weights/yolov2.weights photos/ --out found --ray",
    ),
    "detector test": (
        "pydarknet detector test cfg/coco.data cfg/yolov2.cfg weights/yolov2.weights img.jpg -thresh .3",
    ),
    "detector demo": ("pydarknet detector demo cfg/coco.data cfg/yolov2.cfg weights/yolov2.weights video.mp4",),
    "classify": ("pydarknet classify cfg/darknet19.cfg weights/darknet19.weights img.jpg --top 3",),
    "classifier predict": (
        "pydarknet classifier predict cfg/imagenet1k.data cfg/darknet19.cfg weights/darknet19.weights img.jpg",
    ),
    "demo": (
        "pydarknet demo cfg/yolov2-tiny.cfg weights/yolov2-tiny.weights",
        "pydarknet demo cfg/yolov2.cfg weights/yolov2.weights video.mp4 --out annotated.mp4",
    ),
    "track": (
        "pydarknet track cfg/yolov2.cfg weights/yolov2.weights video.mp4 --out tracked.mp4",
        "pydarknet track cfg/yolov2.cfg weights/yolov2.weights video.mp4 --save csv --classes person,car",
    ),
    "serve": (
        "pydarknet serve cfg/yolov2.cfg weights/yolov2.weights",
        "pydarknet serve cfg/yolov2.cfg weights/yolov2.weights --host 0.0.0.0 --port 80 --token SECRET",
    ),
    "train": (
        "pydarknet train mine.data mine.cfg yolov2-tiny.conv.13 --map",
        "pydarknet train mine.data mine.cfg --resume",
    ),
    "detector train": ("pydarknet detector train mine.data mine.cfg yolov2-tiny.conv.13 -dont_show -map",),
    "classifier train": ("pydarknet classifier train mine.data cfg/darknet19.cfg",),
    "rnn train": (
        "pydarknet rnn train text.cfg -file shakespeare.txt",
        "pydarknet rnn train text.cfg backup/text.backup -file shakespeare.txt --backup more",
    ),
    "rnn generate": (
        "pydarknet rnn generate text.cfg backup/text_final.weights -srand 1 -len 500 -temp .7 -seed 'To be'",
    ),
    "rnn valid": ("pydarknet rnn valid text.cfg backup/text_final.weights -file held_out.txt --last",),
    "init": ("pydarknet init mine.data --from yolov2-tiny --size 416",),
    "doctor": ("pydarknet doctor mine.data mine.cfg yolov2-tiny.conv.13",),
    "speed": ("pydarknet speed cfg/yolov2.cfg --threads 1",),
    "ops": ("pydarknet ops cfg/yolov2.cfg",),
    "info": ("pydarknet info cfg/yolo9000.cfg",),
    "weights list": ("pydarknet weights list",),
    "weights get": ("pydarknet weights get yolov2-tiny",),
    "weights verify": ("pydarknet weights verify yolov2-tiny.weights",),
    "export": ("pydarknet export cfg/yolov2.cfg weights/yolov2.weights yolov2.onnx",),
    "tree build": (
        "pydarknet tree build --csv animals.csv --out animals",
        "pydarknet tree build --folders photographs --out mine",
        "pydarknet tree build --wordnet /usr/share/wordnet --synsets classes.txt --out known",
    ),
    "tree check": ("pydarknet tree check data/9k.tree --map data/coco9k.map --classes data/coco.names",),
    "tree show": (
        "pydarknet tree show data/9k.tree --root dog --depth 2",
        "pydarknet tree show animals.tree --format svg --out animals.svg",
    ),
    "tree find": ("pydarknet tree find data/9k.tree terrier",),
    "tree path": ("pydarknet tree path data/9k.tree 'Norfolk terrier'",),
    "tree subset": ("pydarknet tree subset data/9k.tree --keep dog,cat --out pets",),
    "tree prune": (
        "pydarknet tree prune cfg/yolo9000.cfg yolo9000.weights --keep dog,cat --out small --without-map",
    ),
    "tree map": ("pydarknet tree map data/9k.tree mine.names --wordnet /usr/share/wordnet --out mine.map",),
    "data voc": ("pydarknet data voc VOCdevkit/VOC2007 --out mine",),
    "data coco": ("pydarknet data coco --train instances.json images --val instances_val.json val --out mine",),
    "data yolo": (
        "pydarknet data yolo labelled/ --valid 0.2",
        "pydarknet data yolo data.yaml --out mine",
    ),
    "data classes": ("pydarknet data classes pictures/ --valid 0.2", "pydarknet data classes imagenet/ --out mine"),
    "data check": ("pydarknet data check mine/mine.data",),
    "data stats": ("pydarknet data stats mine/mine.data",),
    "data split": ("pydarknet data split images.txt train=0.8 valid=0.2 --names mine.names --out mine",),
    "data show": ("pydarknet data show mine/mine.data --out drawn --count 4",),
    "anchors": ("pydarknet anchors mine.data mine.cfg", "pydarknet anchors mine.data --write mine.cfg"),
    "detector calc_anchors": ("pydarknet detector calc_anchors mine.data -num_of_clusters 9 -width 416 -height 416",),
    "detector valid": ("pydarknet detector valid cfg/voc.data cfg/yolov2-voc.cfg weights/yolov2-voc.weights",),
    "detector map": ("pydarknet detector map cfg/voc.data cfg/yolov2-voc.cfg weights/yolov2-voc.weights",),
    "detector sweep": (
        "pydarknet detector sweep cfg/voc.data cfg/yolov2-voc.cfg weights/yolov2-voc.weights --sizes 288-544",
    ),
    "detector recall": ("pydarknet detector recall cfg/voc.data cfg/yolov2-voc.cfg weights/yolov2-voc.weights",),
    "classifier valid": (
        "pydarknet classifier valid cfg/imagenet1k.data cfg/darknet19.cfg weights/darknet19.weights",
    ),
    "quantize": (
        "pydarknet quantize cfg/yolov3-tiny.cfg weights/yolov3-tiny.weights --images photos/",
        "pydarknet quantize mine.cfg mine.weights --images train.txt --limit 100 --out mine.int8",
    ),
    "partial": ("pydarknet partial cfg/yolov2-tiny.cfg weights/yolov2-tiny.weights yolov2-tiny.conv.13 13",),
    "average": ("pydarknet average cfg/yolov2.cfg mean.weights a.weights b.weights",),
    "statistics": ("pydarknet statistics cfg/yolov2.cfg weights/yolov2.weights",),
    "normalize": ("pydarknet normalize mine.cfg mine.weights with_norm.weights --save-cfg with_norm.cfg",),
    "denormalize": ("pydarknet denormalize mine.cfg mine.weights folded.weights --save-cfg folded.cfg",),
    "rescale": ("pydarknet rescale mine.cfg mine.weights rescaled.weights",),
    "rgbgr": ("pydarknet rgbgr mine.cfg mine.weights swapped.weights",),
    "reset": ("pydarknet reset mine.cfg mine.weights neutral.weights",),
    "completion": (
        "pydarknet completion bash > ~/.local/share/bash-completion/completions/pydarknet",
        "pydarknet completion fish > ~/.config/fish/completions/pydarknet.fish",
    ),
    "oneoff": ("pydarknet oneoff cfg/yolov2.cfg weights/yolov2.weights new.weights --keep 0,16 --save-cfg new.cfg",),
}


def epilog(command: str) -> str:
    """The end of the --help of a command, or of one of its verbs; a command of verbs has their first ones."""
    of_verbs = [lines[0] for name, lines in EXAMPLES.items() if name.startswith(f"{command} ")]
    lines = EXAMPLES.get(command, of_verbs)
    return "\n".join(["examples:" if len(lines) > 1 else "example:", *(f"  {line}" for line in lines)])
