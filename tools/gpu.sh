#!/bin/sh
# Builds, checks and measures on a GPU within so many seconds, the build among them; what was known by then lies in the
# folder PYDARKNET_GPU_OUT (default: build/gpu).
# usage: tools/gpu.sh [SECONDS]
set -u

limit=${1:-570}
begin=$(date +%s)
child=
trap '[ -z "$child" ] || kill "$child"; stopped=1' TERM INT HUP
# run COMMAND: and end it when this is told to end; it then writes what it knows
run() {
  [ -z "${stopped:-}" ] || return 3
  "$@" & child=$!
  wait "$child"; code=$?
  [ -z "${stopped:-}" ] || { wait "$child"; code=$?; }
  child=
  return $code
}
left() { echo $((limit - $(date +%s) + begin)); }
export PYDARKNET_GPU_OUT="${PYDARKNET_GPU_OUT:-build/gpu}" PYTHONPATH=".:${PYTHONPATH:-}"

python=$(tools/gpu_python.sh) || exit
make -s gpu-build PYTHON="$python" || exit
echo "gpu: built after $(($(date +%s) - begin)) s"
run "$python" -m tests.gpu_check --seconds $(($(left) * 6 / 10))
checked=$?
run "$python" benchmarks/gpu.py --seconds "$(left)" --json "$PYDARKNET_GPU_OUT/gpu.json"
measured=$?
[ $checked != 0 ] && exit $checked
exit $measured
