"""The thread pool, csrc/shared/threads.cpp, by itself: what no op shows."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = r"""
#include "shared/threads.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

using namespace pydarknet;

void expect(bool condition, const char* what) {
  if (!condition) std::puts(what), std::exit(1);
}

// Two threads; whoever of them takes the first task stays with it until all others are done.
void held_up_thread_loses_its_share() {
  for (int round = 0; round < 100; ++round) {
    constexpr int kTasks = 64;
    Tasks tasks(kTasks, 2);
    std::atomic<int> done{0};
    std::atomic<bool> held{false};
    parallel_parts(2, [&](int part, int) {
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        if (part == round % 2 && !held.exchange(true)) {
          while (done.load() < kTasks - 1) std::this_thread::yield();
        }
        ++done;
      }
    });
    expect(done == kTasks, "not all tasks were done");
  }
}

void every_item_once(int threads, std::int64_t items, std::int64_t grain) {
  set_num_threads(threads);
  const auto seen = std::make_unique<std::atomic<int>[]>(static_cast<std::size_t>(items));
  parallel_for(items, grain, [&](std::int64_t begin, std::int64_t end) {
    expect(begin < end && (end - begin >= grain || (begin == 0 && end == items)), "a piece below the grain");
    for (std::int64_t i = begin; i < end; ++i) ++seen[i];
  });
  for (std::int64_t i = 0; i < items; ++i) expect(seen[i] == 1, "an item not once");
}

void every_part_once(int threads) {
  set_num_threads(threads);
  std::atomic<int> seen[kMaxThreads] = {};
  std::atomic<int> all{0};
  parallel_parts(threads, [&](int part, int parts) {
    ++seen[part];
    all = parts;
  });
  for (int i = 0; i < all; ++i) expect(seen[i] == 1, "a part not once");
}

int main() {
  set_num_threads(2);
  held_up_thread_loses_its_share();
  for (int round = 0; round < 300; ++round) {
    for (const int threads : {2, 3, 16}) {
      every_part_once(threads);
      for (const std::int64_t items : {0, 1, 5, 1000}) every_item_once(threads, items, round % 3 * 4);
    }
  }
  // Several callers at once: one has the pool, the others work alone.
  std::thread callers[4];
  for (std::thread& caller : callers) {
    caller = std::thread([] {
      for (int round = 0; round < 300; ++round) every_item_once(3, 100, 1);
    });
  }
  for (std::thread& caller : callers) caller.join();
  std::puts("well");
}
"""


@pytest.mark.slow
def test_every_task_is_done_once_whoever_is_held_up(tmp_path: Path) -> None:
    source, program = tmp_path / "program.cpp", tmp_path / "program"
    source.write_text(PROGRAM)
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    sources = [str(source), str(ROOT / "csrc/shared/threads.cpp")]
    subprocess.run(
        [*compiler, "-std=c++17", "-O2", "-pthread", f"-I{ROOT}/csrc", *sources, "-o", str(program)], check=True
    )
    done = subprocess.run([program], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "well\n")
