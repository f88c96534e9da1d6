#include "ops/yolo.h"

#include "ops/region.h"

namespace pydarknet {

void yolo_forward(ConstPlain x, Plain y, YoloShape shape, Stream stream) {
  const int coords = shape.gaussian ? 8 : 4;
  const RegionShape region{shape.anchors, shape.classes, coords,    false,
                           false,         shape.spread,  shape.raw, shape.gaussian};
  region_forward(x, y, region, nullptr, stream);
}

}  // namespace pydarknet
