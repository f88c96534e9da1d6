#include "shared/truths.h"

#include <cstdio>

namespace pydarknet {
namespace {

std::string text(float number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%g", double{number});
  return digits;
}

std::string range_text(const char* what, float found, int end) {
  return std::string(what) + " " + text(found) + ", expected 0 to " + std::to_string(end - 1);
}

std::string fault_text(const float* row, int length, const TruthRules& rules) {
  const float label = row[length - 1];
  const bool mapped = rules.map.classes && !is_class_only({row[0], row[1], row[2], row[3]});
  switch (fault_of(row, length, rules)) {
    case TruthFault::kNone:
    case TruthFault::kPassedOver:
      break;
    case TruthFault::kNeedsTree:
      return "a class without a box needs a tree";
    case TruthFault::kCentre:
      return "centre (" + text(row[0]) + ", " + text(row[1]) + "), expected 0 to 1";
    case TruthFault::kSize:
      return "size (" + text(row[2]) + ", " + text(row[3]) + "), expected positive numbers";
    case TruthFault::kClass:
      return range_text("class", label, mapped ? rules.map.size : rules.classes);
    case TruthFault::kMap:
      return range_text("the map leads to class", static_cast<float>(rules.map[static_cast<int>(label)]),
                        rules.classes);
  }
  return {};
}

}  // namespace

std::string truth_fault(const Truths& truths, const TruthRules& rules) {
  for (int image = 0; image < truths.images; ++image) {
    for (int i = 0; i < truths.most; ++i) {
      const float* row = truths.at(image, i);
      if (row[0] == 0) break;
      const std::string fault = fault_text(row, truths.row, rules);
      if (!fault.empty())
        return "image " + std::to_string(image) + ", box " + std::to_string(i) + ": " + fault;
      if (is_class_only({row[0], row[1], row[2], row[3]})) break;  // nothing behind it is read
    }
  }
  return {};
}

}  // namespace pydarknet
