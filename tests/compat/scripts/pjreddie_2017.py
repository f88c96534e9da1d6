"""Detection in arrays that the script asks for, as until November 2017."""

import cv2

import pydarknet.darknet as dn


def array_to_image(arr):
    arr = arr.transpose(2, 0, 1)
    c, h, w = arr.shape
    return dn.IMAGE(w, h, c, dn.c_array(dn.c_float, (arr / 255.0).flatten()))


def detect2(net, meta, image, thresh=0.4, hier_thresh=0.5, nms=0.45):
    boxes = dn.make_boxes(net)
    probs = dn.make_probs(net)
    num = dn.num_boxes(net)
    dn.network_detect(net, image, thresh, hier_thresh, nms, boxes, probs)
    res = []
    for j in range(num):
        for i in range(meta.classes):
            if probs[j][i] > 0:
                res.append((meta.names[i], probs[j][i], (boxes[j].x, boxes[j].y, boxes[j].w, boxes[j].h)))
    dn.free_ptrs(dn.cast(probs, dn.POINTER(dn.c_void_p)), num)
    return sorted(res, key=lambda x: -x[1])


net = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
meta = dn.load_meta(b"cfg/small.data")
im = array_to_image(cv2.imread("data/wide.png"))
dn.rgbgr_image(im)
results = detect2(net, meta, im)
