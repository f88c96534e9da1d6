// The most float32 operations one core can do: independent multiply-adds on registers, nothing else. Compiled
// with -O3 -march=native by benchmarks/workers.py; prints GFLOP/s. With a number N it answers each line on
// standard input: N threads at once, each on a processor of its own (the last ones, as turns.py pins), for
// some milliseconds, and prints the median rate of the slowest.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
constexpr int kAccumulators = 12;          // latency 4, two a cycle: 8 would do
constexpr int kBest = 1000, kGlance = 25;  // bursts

typedef float Vec __attribute__((vector_size(4 * kLanes)));

// GFLOP/s of bursts of about 0.2 ms: some of them meet no interruption.
std::vector<double> burst_rates(int bursts) {
  constexpr long kRounds = 1 << 17;
  volatile float different = 1.0f;  // or the compiler would keep one accumulator for all
  std::vector<double> rates;
  for (int repeat = 0; repeat < bursts; ++repeat) {
    Vec sum[kAccumulators];
    for (Vec& s : sum) s = Vec{} + different, different = different * 1.25f;
    const Vec x = Vec{} + 0.999f * different / different, y = x * 1e-3f;
    const auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < kRounds; ++i)
      for (Vec& s : sum) s = s * x + y;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    Vec all = {};
    for (const Vec& s : sum) all += s;
    different = all[0] > 0 ? 1.0f : 2.0f;
    rates.push_back(2.0 * kLanes * kAccumulators * kRounds / time.count() * 1e-9);
  }
  return rates;
}

std::vector<int> last_processors(int count) {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> found;
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && static_cast<int>(found.size()) < count; --cpu)
    if (CPU_ISSET(cpu, &allowed)) found.push_back(cpu);
  return found;
}

double median_rate_on(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
  std::vector<double> rates = burst_rates(kGlance);
  std::nth_element(rates.begin(), rates.begin() + kGlance / 2, rates.end());
  return rates[kGlance / 2];
}

double slowest_rate(const std::vector<int>& processors) {
  std::vector<double> rates(processors.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < processors.size(); ++i)
    threads.emplace_back([&, i] { rates[i] = median_rate_on(processors[i]); });
  for (std::thread& thread : threads) thread.join();
  return *std::min_element(rates.begin(), rates.end());
}

int main(int count, char** arguments) {
  if (count == 1) {
    const std::vector<double> rates = burst_rates(kBest);
    std::printf("%.1f\n", *std::max_element(rates.begin(), rates.end()));
    return 0;
  }
  const std::vector<int> processors = last_processors(std::max(std::atoi(arguments[1]), 1));
  while (std::getchar() != EOF) {  // lines are empty
    std::printf("%.1f\n", slowest_rate(processors));
    std::fflush(stdout);
  }
  return 0;
}
