// Names the best instruction set this machine runs. Compiled for the baseline, so it loads anywhere.
#include <pybind11/pybind11.h>

namespace {

const char* best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return "avx512";
  }
  if (avx2) return "avx2";
#endif
  return "baseline";
}

}  // namespace

PYBIND11_MODULE(_cpuid, m) {
  m.doc() = "Run-time detection of the CPU's instruction sets";
  m.def("best", &best, "The best instruction set this machine runs: 'baseline', 'avx2' or 'avx512'");
}
