#include "cpu/conv/pairs.h"

#include <atomic>
#include <stdexcept>

#include "cpu/simd/factors.h"
#include "ops/precision.h"

#if defined(__AVX512F__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/simd/matrix_microkernel.h"
#endif

namespace pydarknet {
namespace {

using simd::ProductKernels;

const ProductKernels& by_vectors() {
  static constexpr ProductKernels kernels = simd::product_kernels<kBlock / 2, simd::Bf16Pairs>();
  return kernels;
}

#if defined(__AVX512F__) && defined(__linux__)
template <class Matrices>
const ProductKernels& by_matrices() {
  static constexpr ProductKernels kernels = simd::matrix_kernels<Matrices>();
  return kernels;
}

bool machine_has_amx() {
  constexpr unsigned kBf16 = 1u << 22, kRegisters = 1u << 24, kOsSaves = 1u << 27;
  constexpr unsigned kState = 3u << 17;  // of the registers and of their shapes
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kBf16) || !(d & kRegisters)) return false;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsSaves)) return false;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kState) == kState;
}

// Linux keeps the registers of a process that has asked for it.
bool system_keeps_amx() {
  constexpr long kAsk = 0x1023, kRegisterState = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kAsk, kRegisterState) == 0;
}

constexpr int kTrialPixels = 13, kTrialSums = 2 * kTrialPixels * kBlock;

// Of small whole numbers, whose sums nothing rounds: two segments and a short one, of fewer pixels than a
// register has rows.
void trial(const ProductKernels& kernels, float (&y)[kTrialSums]) {
  constexpr int kPairs = kBlock / 2, kShort = 3, kBlockWords = kTrialPixels * kPairs;
  constexpr int kWeightWords = (2 * kPairs + kShort) * 2 * kBlock;
  float x[3 * kBlockWords], weights[kWeightWords];
  const auto number = [](int i) { return simd::splat(static_cast<float>(i * 7 % 9 - 4)); };
  for (int i = 0; i < 3 * kBlockWords; ++i) x[i] = simd::Bf16Pairs::pair(number(i), number(i + 1))[0];
  for (int i = 0; i < kWeightWords; ++i) weights[i] = simd::Bf16Pairs::pair(number(2 * i), number(3 * i))[0];
  for (int i = 0; i < kTrialSums; ++i) y[i] = static_cast<float>(i % 5);
  const simd::Segment segments[] = {{0, kPairs}, {kBlockWords, kPairs}, {2 * kBlockWords, kShort}};
  simd::Product p{};
  p.x = x;
  p.segments = segments;
  p.count = 3;
  p.weights = weights;
  p.y = y;
  p.y_block = kTrialPixels * kBlock;
  p.y_pixel = kBlock;
  p.slope = 1.0f;
  p.accumulate = true;
  p.ahead = {simd::Ahead{x, 0}, simd::Ahead{x, 0}};
  kernels.kernels[1][kTrialPixels - 1](p);
}

// No processor of those that this was written on has AMX: it is held against what its manual says first.
bool amx_offered() {
  static const bool offered = [] {
    if (!simd::Bf16Pairs::offered() || !machine_has_amx() || !system_keeps_amx()) return false;
    float found[kTrialSums], expected[kTrialSums];
    trial(by_matrices<simd::Amx>(), found);
    trial(by_matrices<simd::PlainMatrices>(), expected);
    return std::memcmp(found, expected, sizeof found) == 0;
  }();
  return offered;
}

const ProductKernels& plain_matrices() { return by_matrices<simd::PlainMatrices>(); }
const ProductKernels& amx() { return by_matrices<simd::Amx>(); }
#else
bool amx_offered() { return false; }
const ProductKernels& plain_matrices() { return by_vectors(); }
const ProductKernels& amx() { return by_vectors(); }
#endif

std::atomic<const ProductKernels*>& used() {
  static std::atomic<const ProductKernels*> kernels{amx_offered() ? &amx() : &by_vectors()};
  return kernels;
}

}  // namespace

const ProductKernels& pair_kernels() { return *used().load(std::memory_order_relaxed); }

std::string use_matrices(const std::string& name) {
  if (!simd::Bf16Pairs::offered()) return "";
  if (name == "amx") {
    used() = amx_offered() ? &amx() : &by_vectors();
  } else if (name == "vectors") {
    used() = &by_vectors();
  } else if (name == "plain") {
    used() = &plain_matrices();
  } else {
    throw std::invalid_argument("'" + name + "': expected amx, vectors or plain");
  }
  return name == "amx" && !amx_offered() ? "vectors" : name;
}

}  // namespace pydarknet
