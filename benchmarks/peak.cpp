// The most float32 operations one core can do: independent multiply-adds on registers, nothing else. Compiled
// with -O3 -march=native by benchmarks/peers.py; prints GFLOP/s.
#include <chrono>
#include <cstdio>

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
constexpr int kAccumulators = 12;  // latency 4, two a cycle: 8 would do
constexpr long kRounds = 1 << 17;  // about 0.2 ms: some of the bursts meet no interruption

typedef float Vec __attribute__((vector_size(4 * kLanes)));

int main() {
  volatile float different = 1.0f;  // or the compiler would keep one accumulator for all
  double best = 0;
  for (int repeat = 0; repeat < 1000; ++repeat) {
    Vec sum[kAccumulators];
    for (Vec& s : sum) s = Vec{} + different, different = different * 1.25f;
    const Vec x = Vec{} + 0.999f * different / different, y = Vec{} + 1e-3f;
    const auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < kRounds; ++i)
      for (Vec& s : sum) s = s * x + y;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    Vec all = {};
    for (const Vec& s : sum) all += s;
    different = all[0] > 0 ? 1.0f : 2.0f;
    const double rate = 2.0 * kLanes * kAccumulators * kRounds / time.count() * 1e-9;
    if (rate > best) best = rate;
  }
  std::printf("%.1f\n", best);
}
