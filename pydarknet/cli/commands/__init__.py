"""One module a command, each with add_arguments(parser) and run(args) -> exit code.

`GROUPS` has the module of each (behind a dot an object in it that stands for it), and what the command is for, so
that `--help` loads none of them; `COMMANDS` has them all.
"""

from __future__ import annotations

GROUPS = {
    "look at images": {
        "detect": ("detect", "detect objects in images; asks for them if none is given"),
        "detector test": (
            "detector.test",
            "detect objects in images, with the names of a .data file; asks for images if none is given",
        ),
        "detector demo": ("detector.demo", "like demo, with the names of a .data file"),
        "classify": ("classify", "classify whole images"),
        "classifier predict": (
            "classifier_predict",
            "classify images, with the names of a .data file; asks for images if none is given",
        ),
        "demo": ("demo", "detect objects in a video, a camera's images or an image sequence"),
        "track": ("track", "like demo, with a number for everything that is followed from frame to frame"),
        "serve": ("serve", "detect over HTTP: a page to drop images on, and JSON for programs"),
    },
    "train": {
        "init": ("init", "make a cfg for your data: classes, filters, anchors, size, batch and schedule"),
        "doctor": ("doctor", "say what would stop or spoil a training, before it is started"),
        "train": ("train", "train a detector or a classifier on the images of a .data file"),
        "detector train": ("detector_train", "train a detector, as Darknet's command of this name"),
        "classifier train": ("classifier_train", "train a classifier, as Darknet's command of this name"),
        "data": ("data", "make, check, count, split and show data sets for training"),
        "anchors": ("anchors", "find anchors for a data set: k-means by IoU, with the paper's comparison and figure"),
        "detector calc_anchors": (
            "detector_calc_anchors",
            "find anchors and save them as AlexeyAB's calc_anchors does; see also `anchors`",
        ),
        "tree": ("tree", "build, check, show, search and cut the tree of classes of a YOLO9000 network"),
    },
    "texts, by recurrent networks": {
        "rnn train": ("rnn.train", "train a network to foretell the next character of a text, or the next token"),
        "rnn generate": ("rnn.generate", "write a text, character by character"),
        "rnn valid": ("rnn.valid", "measure how well a text is foretold, in bits a character"),
    },
    "evaluate": {
        "detector map": ("detector_map", "average precision of each class on the valid list of a .data file"),
        "detector recall": (
            "detector_recall",
            "measure the share of objects on the valid list that some box covers, whatever its class",
        ),
        "detector sweep": (
            "detector_sweep",
            "measure speed against accuracy: average precision, time and operations at several input sizes",
        ),
        "detector valid": (
            "detector_valid",
            "write the results files of VOC, COCO or ImageNet for the valid list of a .data file",
        ),
        "classifier valid": (
            "classifier_valid",
            "measure top-1 and top-k accuracy on the valid list of a .data file",
        ),
        "speed": ("speed", "measure the forward pass, with random weights"),
    },
    "networks and their weights": {
        "info": ("info", "show the layers, shapes, operations, parameters and memory of a network"),
        "ops": ("ops", "count the floating-point operations of a network"),
        "weights": ("weights", "list, fetch and check the published weights"),
        "export": ("export", "write a network as ONNX, .npz or a PyTorch state dict"),
        "quantize": (
            "quantize",
            "make a file of 8-bit weights, with which the CPU detects faster and in less memory",
        ),
        "partial": ("partial", "write the weights of the first N layers, a backbone to train on from"),
        "average": ("average", "write the mean of several weights files of one network"),
        "statistics": ("statistics", "print mean, spread and range of all weights"),
        "normalize": ("surgery.normalize", "put a neutral batch norm into every convolutional and connected layer"),
        "denormalize": ("surgery.denormalize", "fold batch norm into weights and biases"),
        "rescale": ("surgery.rescale", "let a network trained on pixels from -1 to 1 take them from 0 to 1"),
        "rgbgr": ("surgery.rgbgr", "swap red and blue in the first convolution"),
        "reset": (
            "surgery.reset",
            "fold batch norm's statistics into the weights before it, which leaves a neutral batch norm",
        ),
        "oneoff": ("oneoff", "change the classes of a detector: keep boxes, objectness and the classes you name"),
    },
    "the shell": {
        "completion": ("completion", "print a script that lets a shell complete commands and options"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
