// A convolution's weights as its algorithms pack them: vectors of filters, one for each channel and tap.
#pragma once
#include <algorithm>
#include <vector>

#include "cpu/lib/sizes.h"
#include "cpu/simd/transpose.h"
#include "ops/conv.h"
#include "shared/conv_phases.h"

namespace pydarknet {

// Where the kernels of filters and channels lie, with zeros between those of different groups and past k.
class Kernels {
 public:
  // Of the weights (k, c / groups, kernel_h, kernel_w).
  Kernels(const ConvShape& shape, const float* weights);
  // Of the convolution that takes dy to one residue of dx, out of the same weights: filters and channels
  // have changed places, and the taps that meet the residue run backwards.
  Kernels(const ConvShape& shape, const PhaseAxis& y, const PhaseAxis& x, const float* weights);

  // The taps of filter k on channel c as they are stored; nullptr if all are zero.
  const float* operator()(int k, int c) const {
    if (k >= k_) return nullptr;
    const int first = k_ == group_k_ ? 0 : k / group_k_ * group_c_;  // channel of the filter's group
    if (c < first || c >= first + group_c_) return nullptr;
    return at(k, c);
  }

  // Calls store(tap, weight) for each tap of filter k on channel c.
  template <class Store>
  void each_tap(int k, int c, Store&& store) const {
    const float* kernel = (*this)(k, c);
    for (int tap = 0; tap < stored_; ++tap) {
      if (tap_of_[tap] >= 0) store(tap_of_[tap], kernel ? kernel[tap] : 0.0f);
    }
  }

  // Calls store(c, tap, lanes) for each of the channels [channel, channel + count), c counting from 0, and
  // each tap, with the weights of kBlock filters from `filter` on.
  template <class Store>
  void each(int filter, int channel, int count, Store&& store) const {
    if (!all_meet(filter, channel, count)) {
      one_by_one(filter, channel, count, store);
    } else if (filter_step_ == stored_) {
      along_filters(at(filter, channel), count, store);
    } else {
      along_channels(at(filter, channel), count, store);
    }
  }

 private:
  static constexpr int kFewTaps = 2;  // that are gathered float by float
  static constexpr int kAhead = 8;    // channels, whose kernels lie pages apart

  const float* at(int k, int c) const {
    const int group = k_ == group_k_ ? 0 : k / group_k_;
    return weights_ + k * filter_step_ + c * channel_step_ - group * group_step_;
  }

  // Whether the block of filters and the channels belong to one group.
  bool all_meet(int filter, int channel, int count) const {
    const int last = filter + kBlock - 1;
    if (last >= k_ || k_ == group_k_) return last < k_;
    const int group = filter / group_k_;
    return last / group_k_ == group && channel / group_c_ == group &&
           (channel + count - 1) / group_c_ == group;
  }

  // The filters' values at `from`.
  simd::Lanes gather(const float* from) const {
    if (filter_step_ == 1) return simd::load(from);
    simd::Lanes v;
    for (int i = 0; i < kBlock; ++i) v[i] = from[i * filter_step_];
    return v;
  }

  // rows[i] becomes the filters' values at from[i].
  void gather(const float* from, simd::Lanes (&rows)[kBlock]) const {
    PYDARKNET_UNROLL
    for (int i = 0; i < kBlock; ++i) rows[i] = simd::load(from + i * filter_step_);
    simd::transpose(rows);
  }

  // The same for the last `count` taps of kernels that follow each other: what is loaded beyond one is of the
  // next ones, and of none beyond the last.
  void gather_last(const float* from, int count, simd::Lanes (&rows)[kBlock]) const {
    const std::int64_t end = (kBlock - 1) * filter_step_ + count;
    PYDARKNET_UNROLL
    for (int i = 0; i < kBlock; ++i) {
      const float* at = from + i * filter_step_;
      rows[i] = i * filter_step_ + kBlock <= end ? simd::load(at) : simd::load_first(at, count);
    }
    simd::transpose(rows);
  }

  // A channel's kernels follow each other filter by filter.
  template <class Store>
  void along_filters(const float* from, int count, Store&& store) const {
    for (int c = 0; c < count; ++c, from += channel_step_) {
      for (int i = 0; i < kBlock * stored_; i += kLine) simd::prefetch_l2(from + kAhead * channel_step_ + i);
      for (int tap = 0; tap < stored_; tap += kBlock) {
        const int taps = std::min(kBlock, stored_ - tap);
        simd::Lanes rows[kBlock];
        if (taps == kBlock) {
          gather(from + tap, rows);
        } else if (taps > kFewTaps) {
          gather_last(from + tap, taps, rows);
        } else {
          for (int i = 0; i < taps; ++i) rows[i] = gather(from + tap + i);
        }
        for (int i = 0; i < taps; ++i) {
          if (tap_of_[tap + i] >= 0) store(c, tap_of_[tap + i], rows[i]);
        }
      }
    }
  }

  // A filter's kernels follow each other channel by channel.
  template <class Store>
  void along_channels(const float* from, int count, Store&& store) const {
    int c = 0, tap = 0, i = 0;
    const auto store_next = [&](simd::Lanes lanes) {
      if (tap_of_[tap] >= 0) store(c, tap_of_[tap], lanes);
      if (++tap == stored_) tap = 0, ++c;
    };
    for (simd::Lanes rows[kBlock]; i + kBlock <= count * stored_; i += kBlock) {
      gather(from + i, rows);
      for (int j = 0; j < kBlock; ++j) store_next(rows[j]);
    }
    for (; i < count * stored_; ++i) store_next(gather(from + i));
  }

  template <class Store>
  void one_by_one(int filter, int channel, int count, Store&& store) const {
    for (int c = 0; c < count; ++c) {
      for (int tap = 0; tap < stored_; ++tap) {
        if (tap_of_[tap] < 0) continue;
        simd::Lanes v{};
        for (int i = 0; i < kBlock; ++i) {
          const float* kernel = (*this)(filter + i, channel + c);
          if (kernel) v[i] = kernel[tap];
        }
        store(c, tap_of_[tap], v);
      }
    }
  }

  const float* weights_;
  int k_, group_k_, group_c_;
  int stored_;  // taps of a kernel in memory
  std::int64_t filter_step_, channel_step_, group_step_;
  std::vector<int> tap_of_;  // of the convolution, for each stored one; -1 if it has no part in it
};

}  // namespace pydarknet
