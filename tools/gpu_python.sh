#!/bin/sh
# Prints the Python that builds and checks on a GPU: the first of $PYTHON, the active virtual environment's and python3
# that has what they need. It is used as it is, nothing is fetched. If there is none, a virtual environment gets it.
set -eu

needed="cupy cv2 numpy pybind11 pytest setuptools tqdm"
missing() { # missing PYTHON: the modules that it hasn't
  "$1" -c 'import importlib.util, sys
print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))' $needed 2>&1
}

if [ -n "${PYTHON:-}" ]; then
  lacks=$(missing "$PYTHON") || true
  [ -z "$lacks" ] || { echo "PYTHON=$PYTHON lacks: $lacks" >&2; exit 1; }
  echo "$PYTHON"
  exit
fi
home=${VIRTUAL_ENV:-.venv}
for python in "$home/bin/python" python3; do
  if command -v "$python" >/dev/null && [ -z "$(missing "$python")" ]; then
    echo "$python"
    exit
  fi
done
{
  if [ ! -x "$home/bin/python" ]; then
    tools/system_packages.sh
    python3 -m venv "$home"
  fi
  "$home/bin/python" -m pip --version >/dev/null 2>&1 || "$home/bin/python" -m ensurepip  # after `make demo`
  "$home/bin/python" -m pip install -q --disable-pip-version-check 'setuptools>=77' 'pybind11>=2.12'
  PYDARKNET_CUDA=0 "$home/bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation -e '.[cuda,test]'
} >&2
echo "$home/bin/python"
