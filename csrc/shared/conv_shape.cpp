#include <limits>
#include <stdexcept>

#include "ops/conv.h"

namespace pydarknet {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 62;

std::int64_t product(std::initializer_list<std::int64_t> factors, const ConvShape& shape) {
  std::int64_t all = 1;
  for (const std::int64_t factor : factors) {
    if (factor > kMost / all) throw std::invalid_argument(shape.text() + ": too large");
    all *= factor;
  }
  return all;
}

void require_positive(int value, const char* name, const ConvShape& shape) {
  if (value < 1) {
    throw std::invalid_argument(shape.text() + ": " + name + " must be at least 1, found " +
                                std::to_string(value));
  }
}

}  // namespace

std::string ConvShape::text() const {
  const auto pair = [](int a, int b) { return std::to_string(a) + "x" + std::to_string(b); };
  return "ConvShape(n=" + std::to_string(n) + ", c=" + std::to_string(c) + ", h=" + std::to_string(h) +
         ", w=" + std::to_string(w) + ", k=" + std::to_string(k) + ", kernel=" + pair(kernel_h, kernel_w) +
         ", stride=" + pair(stride_y, stride_x) + ", pad=" + pair(pad_y, pad_x) +
         ", groups=" + std::to_string(groups) +
         (precision == Precision::kFp32 ? "" : std::string(", precision=") + precision_name(precision)) + ")";
}

void ConvShape::validate() const {
  require_positive(n, "n", *this);
  require_positive(c, "c", *this);
  require_positive(h, "h", *this);
  require_positive(w, "w", *this);
  require_positive(k, "k", *this);
  require_positive(kernel_h, "kernel_h", *this);
  require_positive(kernel_w, "kernel_w", *this);
  require_positive(stride_y, "stride_y", *this);
  require_positive(stride_x, "stride_x", *this);
  require_positive(groups, "groups", *this);
  const auto require = [this](bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(text() + ": " + message);
  };
  require(pad_y >= 0 && pad_x >= 0, "padding must not be negative");
  require(c % groups == 0, "c must be a multiple of groups");
  require(k % groups == 0, "k must be a multiple of groups");
  const std::int64_t padded_h = h + 2 * std::int64_t{pad_y}, padded_w = w + 2 * std::int64_t{pad_x};
  require(kernel_h <= padded_h && kernel_w <= padded_w, "the kernel is larger than the padded input");
  constexpr std::int64_t most_side = std::numeric_limits<int>::max() / 64;
  require(padded_h <= most_side && padded_w <= most_side && c <= most_side && k <= most_side &&
              std::int64_t{kernel_h} * kernel_w <= most_side,
          "too large");
  product({256, n, c + 64, padded_h, padded_w, kernel_h, kernel_w}, *this);
  product({256, n, k + 64, out_h(), out_w()}, *this);
  product({2, n, k, c / groups, kernel_h, kernel_w, out_h(), out_w()}, *this);
  product({512, k + 64, c + 64, kernel_h, kernel_w}, *this);
}

}  // namespace pydarknet
