// Barriers and warp operations, with CUDA's names.
#pragma once
#include <cstring>

#include "emu/machine/site.h"
#include "emu/machine/warp.h"

namespace pydarknet::emu {

// Waits for all threads of the block; gives the number of those with `predicate`.
int barrier(bool predicate, const char* name, Site site);

// One lane's part of a shuffle: the bits of `value` from `source`, or its own where that is outside.
template <class T>
T shuffle(unsigned mask, T value, int source, const char* name, Site site) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t), "shuffles move 4 or 8 bytes");
  WarpCall call{name, &finish_shuffle, mask, site};
  std::memcpy(&call.value, &value, sizeof value);
  call.source = source;
  warp_call(call);
  std::memcpy(&value, &call.result, sizeof value);
  return value;
}

}  // namespace pydarknet::emu

inline void __syncthreads(pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  pydarknet::emu::barrier(false, "__syncthreads", site);
}
inline int __syncthreads_count(int predicate, pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  return pydarknet::emu::barrier(predicate != 0, "__syncthreads_count", site);
}
inline int __syncthreads_or(int predicate, pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  return pydarknet::emu::barrier(predicate != 0, "__syncthreads_or", site) != 0;
}
inline int __syncthreads_and(int predicate, pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  return pydarknet::emu::barrier(predicate == 0, "__syncthreads_and", site) == 0;
}

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  pydarknet::emu::WarpCall call{"__syncwarp", &pydarknet::emu::finish_sync, mask, site};
  pydarknet::emu::warp_call(call);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  const int lane = pydarknet::emu::lane(), first = lane & ~(width - 1);
  return pydarknet::emu::shuffle(mask, value, first + (source & (width - 1)), "__shfl_sync", site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  const int lane = pydarknet::emu::lane(), from = lane - static_cast<int>(delta), first = lane & ~(width - 1);
  return pydarknet::emu::shuffle(mask, value, from < first ? lane : from, "__shfl_up_sync", site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  const int lane = pydarknet::emu::lane(), from = lane + static_cast<int>(delta), first = lane & ~(width - 1);
  return pydarknet::emu::shuffle(mask, value, from >= first + width ? lane : from, "__shfl_down_sync", site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32,
                  pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  const int lane = pydarknet::emu::lane(), from = lane ^ lanes, end = (lane & ~(width - 1)) + width;
  return pydarknet::emu::shuffle(mask, value, from >= end ? lane : from, "__shfl_xor_sync", site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  return pydarknet::emu::vote(mask, predicate != 0, "__ballot_sync", site);
}
inline int __any_sync(unsigned mask, int predicate,
                      pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  return pydarknet::emu::vote(mask, predicate != 0, "__any_sync", site) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      pydarknet::emu::Site site = pydarknet::emu::Site::here()) {
  return pydarknet::emu::vote(mask, predicate != 0, "__all_sync", site) == mask;
}
inline unsigned __activemask() { return pydarknet::emu::live_lanes(); }
