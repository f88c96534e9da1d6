#!/bin/sh
# The programs that benchmarks/peers.py measures, in an environment of their own: .cache/bench-venv.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.cache/bench-venv
if [ ! -x "$venv/bin/python" ]; then
  "${PYTHON:-python3}" -m venv "$venv"
fi
# The last OpenCV that reads Darknet's files, and the last that was measured of the others.
"$venv/bin/pip" install -q --disable-pip-version-check \
  numpy opencv-python-headless==4.12.0.88 torch==2.13.0 onnxruntime==1.32.0 openvino==2026.4.1 onnx tqdm
