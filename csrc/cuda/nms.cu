#include "cuda/lib/thread_block.h"
#include "shared/nms_run.h"

namespace pydarknet {
namespace {

constexpr int kRunThreads = 256;

// A block of threads for each run.
__global__ void suppress_runs(BoxRuns boxes, Overlap limit, std::int32_t* alive) {
  for (std::int64_t run = blockIdx.x; run < boxes.runs; run += gridDim.x) {
    suppress(boxes, run, limit, alive, ThreadBlock{});
  }
}

}  // namespace

void nms(const BoxRuns& boxes, Overlap limit, std::int32_t* alive, Stream stream) {
  launch("nms", suppress_runs, grid_for(boxes.runs, 1), kRunThreads, 0, stream, boxes, limit, alive);
}

}  // namespace pydarknet
