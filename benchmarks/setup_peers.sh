#!/bin/sh
# The programs that benchmarks/peers.py measures, in an environment of their own: .cache/bench-venv, and .cache/bench-opencv5.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

# environment NAME PACKAGE...
environment() {
  venv=$root/.cache/$1
  shift
  if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
  fi
  "$venv/bin/pip" install -q --disable-pip-version-check "$@"
}

# The last OpenCV that reads Darknet's files, and the last that was measured of the others.
environment bench-venv numpy opencv-python-headless==4.12.0.88 torch==2.13.0 onnxruntime==1.32.0 openvino==2026.4.1 \
  nncf==3.4.0 onnx ncnn pnnx tqdm
# The newest OpenCV.
environment bench-opencv5 numpy opencv-python-headless onnx tqdm
