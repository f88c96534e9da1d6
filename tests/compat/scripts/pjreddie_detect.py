"""A script for pjreddie's darknet.py as people wrote them in 2018; only the import line has changed."""

import pydarknet.darknet as dn

dn.set_gpu(0)
net = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
meta = dn.load_meta(b"cfg/small.data")
results = []
for name in (b"data/wide.png", b"data/tall.png"):
    r = dn.detect(net, meta, name, thresh=0.4)
    print(r)
    results.append(r)
