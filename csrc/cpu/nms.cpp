#include "shared/nms_run.h"
#include "shared/threads.h"

namespace pydarknet {

void nms(const BoxRuns& boxes, Overlap limit, std::int32_t* alive, Stream) {
  parallel_for(boxes.runs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t run = begin; run < end; ++run) suppress(boxes, run, limit, alive, OneThread{});
  });
}

}  // namespace pydarknet
