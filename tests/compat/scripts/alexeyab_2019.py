"""A video loop as scripts of 2019 have it: METADATA, one image for all frames, names as bytes, threads of its own."""

# ruff: noqa: N816

import queue
import threading

import cv2

import pydarknet.compat.alexeyab as darknet

netMain = darknet.load_net_custom(b"cfg/small.cfg", b"small.weights", 0, 1)
metaMain = darknet.load_meta(b"cfg/small.data")
width, height = darknet.network_width(netMain), darknet.network_height(netMain)
darknet_image = darknet.make_image(width, height, 3)
pictures = queue.Queue(maxsize=1)
results = []


def capture():
    for path in ("data/wide.png", "data/tall.png"):
        frame = cv2.resize(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB), (width, height))
        darknet.free_image(darknet_image)  # before the network has looked at it, as one version did
        darknet.copy_image_from_bytes(darknet_image, frame.tobytes())
        pictures.put(darknet_image)
        pictures.join()
    pictures.put(None)


def inference():
    while (image := pictures.get()) is not None:
        results.append(darknet.detect_image(netMain, metaMain, image, thresh=0.4))
        pictures.task_done()


threads = [threading.Thread(target=target, daemon=True) for target in (capture, inference)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
labels = [name.decode() + " [" + str(round(confidence * 100, 2)) + "]" for name, confidence, _ in results[0]]
