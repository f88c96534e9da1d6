#include "ops/truths.h"

#include <cmath>
#include <cstdio>

namespace pydarknet {
namespace {

bool skipped(float label, const TruthRules& rules) {
  return rules.skip_large_labels && label >= static_cast<float>(rules.classes);
}

std::string text(float number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%g", double{number});
  return digits;
}

std::string range_text(const char* what, float found, int end) {
  return std::string(what) + " " + text(found) + ", expected 0 to " + std::to_string(end - 1);
}

std::string class_fault(float label, const TruthRules& rules, bool mapped) {
  const int end = mapped ? rules.map.size : rules.classes;
  if (!(label >= 0 && label < static_cast<float>(end))) return range_text("class", label, end);
  const int found = mapped ? rules.map[static_cast<int>(label)] : 0;
  if (found < 0 || found >= rules.classes) {
    return range_text("the map leads to class", static_cast<float>(found), rules.classes);
  }
  return {};
}

// `row` is neither the end of its list nor passed over.
std::string row_fault(const float* row, int length, const TruthRules& rules) {
  const Box box{row[0], row[1], row[2], row[3]};
  const float label = row[length - 1];
  if (is_class_only(box)) {
    return rules.class_only ? class_fault(label, rules, false) : "a class without a box needs a tree";
  }
  const auto inside = [](float centre) { return centre >= 0 && centre <= 1; };
  const auto positive = [](float side) { return side > 0 && std::isfinite(side); };
  if (!inside(box.x) || !inside(box.y)) {
    return "centre (" + text(box.x) + ", " + text(box.y) + "), expected 0 to 1";
  }
  if (!positive(box.w) || !positive(box.h)) {
    return "size (" + text(box.w) + ", " + text(box.h) + "), expected positive numbers";
  }
  return class_fault(label, rules, rules.map.classes != nullptr);
}

}  // namespace

std::vector<Truth> read_truths(const Truths& truths, int image, const TruthRules& rules) {
  std::vector<Truth> list;
  for (int i = 0; i < truths.most; ++i) {
    const float* row = truths.at(image, i);
    const float label = row[truths.row - 1];
    if (row[0] == 0) break;
    if (skipped(label, rules)) continue;
    list.push_back({{row[0], row[1], row[2], row[3]}, static_cast<int>(label), row + 4});
    if (is_class_only(list.back().box)) break;
  }
  return list;
}

std::string truth_fault(const Truths& truths, const TruthRules& rules) {
  for (int image = 0; image < truths.images; ++image) {
    for (int i = 0; i < truths.most; ++i) {
      const float* row = truths.at(image, i);
      if (row[0] == 0) break;
      const bool class_only = is_class_only({row[0], row[1], row[2], row[3]});
      if (!class_only && skipped(row[truths.row - 1], rules)) continue;
      const std::string fault = row_fault(row, truths.row, rules);
      if (!fault.empty())
        return "image " + std::to_string(image) + ", box " + std::to_string(i) + ": " + fault;
      if (class_only) break;  // nothing behind it is read
    }
  }
  return {};
}

}  // namespace pydarknet
