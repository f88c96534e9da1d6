#include "bindings/lib/checks.h"

namespace pydarknet::bindings {

std::string shape_text(std::initializer_list<std::int64_t> shape) {
  std::string text;
  for (const std::int64_t side : shape) text += (text.empty() ? "(" : ", ") + std::to_string(side);
  return text + ")";
}

void expect_shape(const ConstTensor& found, int n, int blocks, std::int64_t h, std::int64_t w, Where where) {
  if (found.n == n && found.blocks() == blocks && found.h == h && found.w == w) return;
  where.fail("expected shape " + shape_text({n, blocks, h, w, kBlock}) + ", found " +
             shape_text({found.n, found.blocks(), found.h, found.w, kBlock}));
}

void expect_shape(const ConstPlain& found, int n, std::int64_t c, std::int64_t h, std::int64_t w,
                  Where where) {
  if (found.n == n && found.c == c && found.h == h && found.w == w) return;
  where.fail("expected shape " + shape_text({n, c, h, w}) + ", found " +
             shape_text({found.n, found.c, found.h, found.w}));
}

void expect_range(std::int64_t value, std::int64_t low, std::int64_t high, Where where) {
  if (value >= low && value <= high) return;
  const std::string others = low == high ? "" : " to " + std::to_string(high);
  where.fail("expected " + std::to_string(low) + others + ", found " + std::to_string(value));
}

void expect_channels(int channels, const ConstTensor& x, Where where) {
  expect_range(channels, x.blocks() ? x.c - kBlock + 1 : 0, x.c, where);
}

void expect_another(const void* found, const void* other, Where where) {
  if (found == other && found) where.fail("must be an array of its own");
}

void expect_apart(const void* x, const void* y, const char* op) {
  if (x == y && x) Where{op, "y"}.fail("must not be x itself");
}

Activation activation_of(py::handle object, const char* op) {
  if (!py::isinstance<Activation>(object)) {
    Where{op, "activation"}.fail("expected an Activation of this module, found " +
                                 py::repr(object).cast<std::string>());
  }
  return object.cast<Activation>();
}

}  // namespace pydarknet::bindings
