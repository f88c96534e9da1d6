#!/bin/sh
# The native tests under the address and undefined-behaviour sanitizers: `make sanitize`, or
#   tests/sanitize.sh [pytest arguments]
# SANITIZER=thread: the tests of threads under the thread sanitizer.
# Works on a copy in build/sanitize-$SANITIZER (or $SANITIZE_DIR) with one instruction set ($PYDARKNET_ISA, default
# avx2 on x86-64), so the checkout's own extensions stay as they are. Any finding ends the run with an error.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
sanitizer=${SANITIZER:-address}
copy=${SANITIZE_DIR:-$root/build/sanitize-$sanitizer}
python=$(command -v "${PYTHON:-python3}")
case $python in
  /*) ;;
  *) python=$PWD/$python ;;
esac
cxx=${CXX:-g++} # may be several words: ccache g++
case $(uname -m) in
  x86_64 | amd64) isa=${PYDARKNET_ISA:-avx2} ;;
  *) isa=baseline ;;
esac

others="not absent and not emu" # tests of the extensions that are not built here
for other in baseline avx2 avx512; do
  [ $other = "$isa" ] || others="$others and not $other"
done

sources="csrc pydarknet cfg data tests tools"
mkdir -p "$copy"
(cd "$copy" && rm -rf $sources) # files that are no more
(cd "$root" && tar -c --exclude='*.so' --exclude=__pycache__ $sources setup.py pyproject.toml) | tar -x -C "$copy"
cd "$copy"
copy=$PWD

# Null pointers end the run by themselves; checking for them as well takes a third of the compile time.
case $sanitizer in
  address) flags='-fsanitize=address,undefined -fno-sanitize=vptr,null -fno-sanitize-recover=all -O1 -g1' ;;
  thread) flags='-fsanitize=thread -O1 -g1' ;;
  *) echo "sanitize.sh: SANITIZER=$sanitizer: expected address or thread" >&2; exit 2 ;;
esac
PYDARKNET_ISAS=$isa PYDARKNET_EMU=0 PYDARKNET_CUDA=0 PYDARKNET_CXXFLAGS=$flags \
  "$python" setup.py -q build_ext --inplace

# Python itself is not instrumented: the runtime comes first, and what the interpreter keeps is no leak. Exceptions
# pass through the runtime, so it must find the C++ library at its own start.
# The thread sanitizer has no room for itself where addresses are random, and sees children of fork as they are.
case $sanitizer in
  address) library=libasan.so; started='env' ; found=heap-buffer-overflow ;;
  thread) library=libtsan.so; started='setarch -R'; found='data race' ;;
esac
runtime=$($cxx -print-file-name=$library):$($cxx -print-file-name=libstdc++.so.6)
sanitized() {
  PYDARKNET_ISA=$isa PYTHONPATH=$copy LD_PRELOAD=$runtime \
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
    TSAN_OPTIONS=die_after_fork=0:halt_on_error=1 $started "$python" "$@"
}

# A run that could find nothing would prove nothing.
if sanitized tests/sanitize_probe.py "$sanitizer" 2> probe.log || ! grep -q "sanitizing $copy/" probe.log ||
  ! grep -q "$found" probe.log; then
  cat probe.log
  echo "sanitize.sh: the sanitizer did not see a $found made on purpose" >&2
  exit 1
fi

if [ $sanitizer = thread ] && [ $# -eq 0 ]; then
  sanitized -m tests.campaign.concurrency --count 400
  set -- tests/network/test_threads.py tests/compat/test_threads.py
elif [ $# -eq 0 ]; then
  sanitized -m tests.fuzz.run --cfg 200 --weights 200 --picture 400 --label 100 --networks 60 --seed 1
  set -- tests/ops tests/network/test_threads.py tests/fuzz/test_fuzz.py::test_the_corpus
fi
sanitized -m pytest -q -p no:cacheprovider -k "$others" "$@"
