"""A classifier through pjreddie's darknet.py."""

import pydarknet.darknet as darknet

net = darknet.load_net(b"cfg/classifier.cfg", b"classifier.weights", 0)
im = darknet.load_image(b"data/wide.png", 0, 0)
meta = darknet.load_meta(b"cfg/small.data")
r = darknet.classify(net, meta, im)
print(r[:10])
darknet.free_image(im)
