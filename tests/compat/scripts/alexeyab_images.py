"""The loop of darknet_images.py; only the import line has changed."""

import random

import cv2

import pydarknet.compat.alexeyab as darknet

random.seed(3)  # deterministic bbox colors
network, class_names, class_colors = darknet.load_network(
    "cfg/small.cfg",
    "cfg/small.data",
    "small.weights",
    batch_size=1,
)


def image_detection(image_path, network, class_names, class_colors, thresh):
    width = darknet.network_width(network)
    height = darknet.network_height(network)
    darknet_image = darknet.make_image(width, height, 3)

    image = cv2.imread(image_path)
    image_rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    image_resized = cv2.resize(image_rgb, (width, height), interpolation=cv2.INTER_LINEAR)

    darknet.copy_image_from_bytes(darknet_image, image_resized.tobytes())
    detections = darknet.detect_image(network, class_names, darknet_image, thresh=thresh)
    darknet.free_image(darknet_image)
    image = darknet.draw_boxes(detections, image_resized, class_colors)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), detections


image, detections = image_detection("data/wide.png", network, class_names, class_colors, 0.4)
darknet.print_detections(detections, True)
cv2.imwrite("result.png", image)
