// The gradient with respect to the input: one problem for each phase of the stride (shared/conv_phases.h),
// from dy where it lies to dx where it lies.
#include <algorithm>
#include <stdexcept>

#include "cuda/conv/algorithm.h"
#include "device.h"
#include "ops/conv_backward.h"
#include "shared/activation.h"
#include "shared/conv_choice.h"
#include "shared/conv_phases.h"

namespace pydarknet {
namespace {

struct Phase {
  ConvProblem problem;
  WeightMap map;
};

ProblemAxis axis(const PhaseAxis& phase, int dy_size, int dx_size) {
  return {phase.count,          phase.taps, dy_size,      1,
          phase.window_begin(), dx_size,    phase.stride, static_cast<int>(phase.first)};
}

// Filters and channels change places, and the taps of a phase run backwards.
Phase make_phase(const ConvShape& s, const PhaseAxis& y, const PhaseAxis& x) {
  const std::int64_t filter = s.taps(), channel = filter * (s.c / s.groups);
  return {{s.n, axis(y, s.out_h(), s.h), axis(x, s.out_w(), s.w), make_bundles(s.k, s.c, s.groups)},
          {channel * (s.k / s.groups), filter, channel, y.tap(0), -y.stride, x.tap(0), -x.stride, s.kernel_w,
           0, 0}};
}

bool connected(const ConvShape& s) {
  return s.groups == 1 && s.taps() > 1 && s.kernel_h == s.h && s.kernel_w == s.w && s.pad_y == 0 &&
         s.pad_x == 0 && std::int64_t{blocks_of(s.c)} * s.taps() < 1 << 28;
}

// Each value of dx, in the order in which it lies, is a filter of a 1x1 convolution.
Phase connected_phase(const ConvShape& s) {
  const ProblemAxis one{1, 1, 1, 1, 0, 1, 1, 0};
  const int values = blocks_of(s.c) * kBlock * s.taps();
  const std::int64_t filter = s.taps(), channel = filter * s.c;
  return {{s.n, one, one, make_bundles(s.k, values, 1)}, {0, filter, channel, 0, 1, 0, 1, 1, s.taps(), s.c}};
}

std::vector<Phase> phases_of(const ConvShape& s) {
  if (connected(s)) return {connected_phase(s)};
  std::vector<Phase> phases;
  for (int i = 0; i < std::min(s.stride_y, s.kernel_h); ++i) {
    for (int j = 0; j < std::min(s.stride_x, s.kernel_w); ++j) {
      phases.push_back(make_phase(s, PhaseAxis(i, s.stride_y, s.pad_y, s.kernel_h, s.h),
                                  PhaseAxis(j, s.stride_x, s.pad_x, s.kernel_w, s.w)));
    }
  }
  return phases;
}

bool leaves_gaps(const ConvShape& s) {
  return !connected(s) && (s.stride_y > s.kernel_h || s.stride_x > s.kernel_w);
}

const DeviceConvolution& find(const ConvShape& s, const std::string& name) {
  const ConvAlgorithm& algorithm = conv_algorithm(s, name);
  if (algorithm.plain()) {
    throw std::invalid_argument("algorithm '" + name + "' can't do the gradient of " + s.text());
  }
  return static_cast<const DeviceConvolution&>(algorithm);
}

class PhasesDgrad : public ConvDgrad {
 public:
  PhasesDgrad(const ConvShape& s, const DeviceConvolution& algorithm)
      : algorithm_(algorithm), phases_(phases_of(s)), leaves_gaps_(leaves_gaps(s)) {}

  std::int64_t packed_size() const override {
    std::int64_t floats = 0;
    for (const Phase& phase : phases_) floats += algorithm_.packed_floats(phase.problem);
    return floats;
  }
  void pack(const float* weights, float* packed, Stream stream) const override {
    for (const Phase& phase : phases_) {
      algorithm_.pack_problem(phase.problem, phase.map, weights, packed, stream);
      packed += algorithm_.packed_floats(phase.problem);
    }
  }
  std::int64_t workspace(bool, int) const override {
    std::int64_t most = 0;
    for (const Phase& phase : phases_) most = std::max(most, algorithm_.workspace_floats(phase.problem));
    return most;
  }
  void run(const DgradCall& call, Stream stream) const override {
    if (leaves_gaps_ && !call.accumulate) set_zero(call.dx.data, sizeof(float) * call.dx.size(), stream);
    const ConvResult result{call.dx.data, nullptr, Activation::kLinear, call.accumulate};
    const float* packed = call.packed;
    for (const Phase& phase : phases_) {
      algorithm_.run(phase.problem, call.dy.data, packed, result, call.workspace, stream);
      packed += algorithm_.packed_floats(phase.problem);
    }
  }
  double seconds() const {
    double sum = 0;
    for (const Phase& phase : phases_) sum += algorithm_.seconds(phase.problem);
    return sum;
  }

 private:
  const DeviceConvolution& algorithm_;
  const std::vector<Phase> phases_;
  const bool leaves_gaps_;
};

}  // namespace

std::unique_ptr<const ConvDgrad> conv_dgrad(const ConvShape& s, const std::string& algorithm) {
  return std::make_unique<PhasesDgrad>(s, find(s, algorithm));
}

std::vector<std::string> conv_dgrad_algorithms(const ConvShape& s, std::int64_t max_packed_bytes) {
  require_countable(s);
  std::vector<ConvCandidate> candidates;
  for (const ConvAlgorithm* a : convolution_algorithms()) {
    if (a->plain() || !a->supports(s)) continue;
    const PhasesDgrad dgrad(s, static_cast<const DeviceConvolution&>(*a));
    candidates.push_back({a, dgrad.seconds(), dgrad.packed_size() * std::int64_t{sizeof(float)}});
  }
  return fastest_first(candidates, max_packed_bytes, s.precision);
}

}  // namespace pydarknet
