#!/bin/sh
# pip for an environment: its own; without one that of MACHINE, which leaves the environment as small as it is; and where
# that isn't there either or is older than 22.3, one in build/pip.
# usage: tools/pip.sh PYTHON MACHINE ARGUMENTS...
set -eu
python=$1
machine=$2
shift 2

runs() {
  "$@" --version >/dev/null 2>&1
}

if runs "$python" -m pip; then
  exec "$python" -m pip "$@"
fi
if ! runs "$machine" -m pip --python "$python"; then
  "$machine" -m venv build/pip
  machine=build/pip/bin/python
  "$machine" -m pip install -q --disable-pip-version-check 'pip>=23'
fi
exec "$machine" -m pip --python "$python" "$@"
