#include "cpu/simd/amx.h"

#include <atomic>
#include <stdexcept>

#include "cpu/simd/matrices.h"
#include "ops/precision.h"

#if defined(__AVX512F__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pydarknet {
namespace simd {
namespace {

#if defined(__AVX512F__) && defined(__linux__)
constexpr bool kOffersMatrices = true;

bool machine_has_amx() {
  constexpr unsigned kBf16 = 1u << 22, kRegisters = 1u << 24, kBytes = 1u << 25;
  constexpr unsigned kAll = kBf16 | kRegisters | kBytes, kSystemSaves = 1u << 27;
  constexpr unsigned kState = 3u << 17;  // of the registers and of their shapes
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kAll) != kAll) return false;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kSystemSaves)) return false;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kState) == kState;
}

// Linux keeps the registers of a process that has asked for it.
bool system_keeps_amx() {
  constexpr long kAsk = 0x1023, kRegisterState = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kAsk, kRegisterState) == 0;
}

constexpr int kRows = 13, kWords = 16, kFactors = 8;
using Sums = std::uint32_t[2][kRows][kWords];

// Each product of factors that nothing rounds: BF16 of 0 to 7, and bytes of all kinds.
template <class Matrices>
void multiply(Sums& sums) {
  MatrixShapes shapes;
  shapes.set(0, kRows, sizeof sums[0][0]);
  shapes.set(1, kRows, kFactors * 4);
  shapes.set(2, kFactors, kWords * 4);
  std::uint32_t pixels[kRows][kFactors], weights[kFactors][kWords], random = 1;
  const auto fill = [&](std::uint32_t* words, int count, bool pairs) {
    constexpr std::uint32_t kWhole[] = {0, 0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0, 0x40C0, 0x40E0};
    for (int i = 0; i < count; ++i) {
      random = random * 1664525 + 1013904223;
      words[i] = pairs ? kWhole[random >> 29] << 16 | kWhole[random >> 26 & 7] : random;
    }
  };
  Matrices m(shapes);
  for (const bool pairs : {true, false}) {
    fill(pixels[0], kRows * kFactors, pairs);
    fill(weights[0], kFactors * kWords, pairs);
    m.template zero<0>();
    m.template load<1>(pixels, sizeof pixels[0]);
    m.template load<2>(weights, sizeof weights[0]);
    for (int twice = 0; twice < 2; ++twice) {
      pairs ? m.template add_pairs<0, 1, 2>() : m.template add_bytes<0, 1, 2>();
    }
    m.template store<0>(sums[pairs], sizeof sums[0][0]);
  }
}

// AMX is held against what its manual says before it is used.
bool amx_offered() {
  static const bool offered = [] {
    if (!machine_has_amx() || !system_keeps_amx()) return false;
    Sums found, expected;
    multiply<Amx>(found);
    multiply<PlainMatrices>(expected);
    return std::memcmp(found, expected, sizeof found) == 0;
  }();
  return offered;
}
#else
constexpr bool kOffersMatrices = false;
bool amx_offered() { return false; }
#endif

std::atomic<Multiplier>& chosen() {
  static std::atomic<Multiplier> multiplier{amx_offered() ? Multiplier::kAmx : Multiplier::kVectors};
  return multiplier;
}

}  // namespace

Multiplier multiplier() { return chosen().load(std::memory_order_relaxed); }

}  // namespace simd

std::string use_matrices(const std::string& name) {
  using simd::Multiplier;
  if (name != "amx" && name != "vectors" && name != "plain") {
    throw std::invalid_argument("'" + name + "': expected amx, vectors or plain");
  }
  if (!simd::kOffersMatrices) return "";
  if (name == "plain") {
    simd::chosen() = Multiplier::kPlainMatrices;
  } else {
    simd::chosen() = name == "amx" && simd::amx_offered() ? Multiplier::kAmx : Multiplier::kVectors;
  }
  return simd::multiplier() == Multiplier::kVectors ? "vectors" : name;
}

}  // namespace pydarknet
