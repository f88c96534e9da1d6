#include "ops/update.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// As many floats as there are weights.
float* like_weights(py::handle array, std::int64_t count, Where where) {
  const RawArray a = raw_array(array, "<f4", true, where);
  expect_range(a.size, count, count, where);
  return static_cast<float*>(a.data);
}

void py_sgd_update(py::handle weights, py::handle updates, float rate, float momentum, float decay,
                   std::uintptr_t stream) {
  constexpr const char* op = "sgd_update";
  const std::int64_t count = raw_array(weights, "<f4", true, {op, "weights"}).size;
  float* w = like_weights(weights, count, {op, "weights"});
  float* u = like_weights(updates, count, {op, "updates"});
  expect_another(u, w, {op, "updates"});
  WithoutGil release;
  sgd_update(w, u, count, {rate, momentum, decay}, stream_of(stream));
}

void py_adam_update(py::handle weights, py::handle gradients, py::handle m_array, py::handle v_array,
                    float rate, float beta1, float beta2, float epsilon, float decay, std::int64_t t,
                    std::uintptr_t stream) {
  constexpr const char* op = "adam_update";
  const std::int64_t count = raw_array(weights, "<f4", true, {op, "weights"}).size;
  float* w = like_weights(weights, count, {op, "weights"});
  float* g = like_weights(gradients, count, {op, "gradients"});
  float* m = like_weights(m_array, count, {op, "m"});
  float* v = like_weights(v_array, count, {op, "v"});
  require(beta1 >= 0 && beta1 < 1, op, "argument 'beta1': expected a number from 0 to less than 1");
  require(beta2 >= 0 && beta2 < 1, op, "argument 'beta2': expected a number from 0 to less than 1");
  expect_range(t, 1, std::int64_t{1} << 40, {op, "t"});
  WithoutGil release;
  adam_update(w, g, m, v, count, {rate, beta1, beta2, epsilon, decay, t}, stream_of(stream));
}

void bind_update(Module& m) {
  using py::arg;
  m.def("sgd_update", &py_sgd_update, arg("weights"), arg("updates"), arg("rate"), arg("momentum"),
        arg("decay"), arg("stream") = 0,
        "updates -= decay * weights; weights += rate * updates; updates *= momentum. Any shape");
  m.def("adam_update", &py_adam_update, arg("weights"), arg("gradients"), arg("m"), arg("v"), arg("rate"),
        arg("beta1"), arg("beta2"), arg("epsilon"), arg("decay"), arg("t"), arg("stream") = 0,
        "Darknet's step of Adam number t, from 1; the gradients become 0. Any shape");
}

const Binding update_entries(&bind_update);

}  // namespace
}  // namespace pydarknet::bindings
