#!/bin/sh
# Installs the Debian or Ubuntu packages that are missing: what the build needs, and with `test` what the tests need.
# usage: tools/system_packages.sh [test]
set -eu

missing=""
need() { # need PACKAGE TEST...
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

need g++ c++ --version
need python3-dev sh -c 'test -f "$(python3 -c "import sysconfig; print(sysconfig.get_path(\"include\"))")/Python.h"'
need python3-venv python3 -c "import ensurepip"
if [ "${1:-}" = test ]; then
  need darknet test -f /usr/lib/darknet/libdarknet.so
  need wordnet-base test -f /usr/share/wordnet/data.noun
  need fish command -v fish
  need zsh command -v zsh
  need chromium command -v chromium
  need chromium-driver command -v chromedriver
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "missing:$missing. Install what these Debian packages hold with your system's package manager." >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  sudo=""
elif command -v sudo >/dev/null; then
  sudo="sudo"
else
  echo "missing:$missing. As root, run: apt-get install$missing" >&2
  exit 1
fi
echo "installing$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086  # a list of package names
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
