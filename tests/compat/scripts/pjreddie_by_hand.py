"""A script that brings its own detect() for OpenCV frames, on top of everything darknet.py brings."""
# ruff: noqa: F403, F405

import cv2

from pydarknet.darknet import *


def array_to_image(arr):
    arr = arr.transpose(2, 0, 1)
    c, h, w = arr.shape
    arr = (arr / 255.0).flatten()
    data = c_array(c_float, arr)
    return IMAGE(w, h, c, data)


def detect_frame(net, meta, frame, thresh=0.4, hier_thresh=0.5, nms=0.45):
    im = array_to_image(frame)
    rgbgr_image(im)
    boxed = letterbox_image(im, lib.network_width(net), lib.network_height(net))
    out = predict(net, boxed.data)
    num = c_int(0)
    pnum = pointer(num)
    dets = get_network_boxes(net, im.w, im.h, thresh, hier_thresh, None, 0, pnum)
    num = pnum[0]
    if nms:
        do_nms_sort(dets, num, meta.classes, nms)
    res = []
    for j in range(num):
        for i in range(meta.classes):
            if dets[j].prob[i] > 0:
                b = dets[j].bbox
                res.append((meta.names[i], dets[j].prob[i], (b.x, b.y, b.w, b.h)))
    res = sorted(res, key=lambda x: -x[1])
    first = out[0]
    free_image(boxed)
    free_detections(dets, num)
    return res, first


net = load_net(b"cfg/small.cfg", b"small.weights", 0)
meta = load_meta(b"cfg/small.data")
results, first_value = detect_frame(net, meta, cv2.imread("data/wide.png"))
chosen = sample([0.0, 3.0, 0.0])
root = math.sqrt(c_float(2.25).value)
number = random.randint(1, 1)
