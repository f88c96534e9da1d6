"""Batches, letterboxes and the lower functions of AlexeyAB's darknet.py."""

from ctypes import POINTER, byref, c_float, c_int

import cv2
import numpy as np

import pydarknet.compat.alexeyab as darknet

darknet.init_cpu()
network = darknet.load_net_custom(b"cfg/small.cfg", b"small.weights", 0, 2)
metadata = darknet.load_meta(b"cfg/small.data")
names = [metadata.names[i].decode("ascii") for i in range(metadata.classes)]
width, height = darknet.lib.network_width(network), darknet.lib.network_height(network)

frames = []
for path in ("data/wide.png", "data/tall.png"):
    rgb = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    frames.append(cv2.resize(rgb, (width, height)).transpose(2, 0, 1))
array = np.ascontiguousarray(np.concatenate(frames, axis=0).flat, dtype=np.float32) / 255.0
image = darknet.IMAGE(width, height, 3, array.ctypes.data_as(POINTER(c_float)))
pairs = darknet.network_predict_batch(network, image, 2, width, height, 0.4, 0.5, None, 0, 0)
batch = []
for i in range(2):
    num = pairs[i].num
    dets = pairs[i].dets
    darknet.do_nms_sort(dets, num, len(names), 0.45)
    batch.append(darknet.remove_negatives(dets, names, num))
darknet.free_batch_detections(pairs, 2)

im = darknet.load_image(b"data/wide.png", 0, 0)
darknet.predict_image_letterbox(network, im)
count = c_int(0)
dets = darknet.get_network_boxes(network, im.w, im.h, 0.4, 0.5, None, 0, byref(count), 1)
darknet.do_nms_sort(dets, count.value, len(names), 0.45)
letterboxed = darknet.remove_negatives(dets, names, count.value)
faster = darknet.remove_negatives_faster(dets, names, count.value)
darknet.free_detections(dets, count.value)
darknet.free_image(im)
darknet.free_network_ptr(network)
