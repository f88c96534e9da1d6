// cp.async: copies from global to shared memory that arrive no earlier than at the wait.
#pragma once
#include "emu/machine/site.h"

namespace pydarknet {
namespace emu {

// `bytes` to shared; the first `read` come from global, the others are zeros. Both addresses are multiples of
// `bytes`.
void async_copy(void* shared, const void* global, int bytes, int read, Site site);
void async_commit();
// Until at most `pending` committed groups of the calling thread are on their way.
void async_wait(int pending);
// At the start of a block: what its places in the scheduler still had on their way.
void drop_async_copies();

}  // namespace emu

inline void cp_async16(void* shared, const void* global, bool valid, emu::Site site = emu::Site::here()) {
  emu::async_copy(shared, global, 16, valid ? 16 : 0, site);
}
// The first `bytes`, and zeros behind them.
inline void cp_async16_first(void* shared, const void* global, int bytes,
                             emu::Site site = emu::Site::here()) {
  emu::async_copy(shared, global, 16, bytes, site);
}
inline void cp_async4(void* shared, const void* global, bool valid, emu::Site site = emu::Site::here()) {
  emu::async_copy(shared, global, 4, valid ? 4 : 0, site);
}
inline void cp_async_commit() { emu::async_commit(); }
template <int N>
void cp_async_wait() {
  emu::async_wait(N);
}

}  // namespace pydarknet
