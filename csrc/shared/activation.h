// Darknet's activations (activations.c), and those of AlexeyAB's fork that are plain element-wise functions:
// each formula and its slope once, for scalars and vectors, on the CPU and in CUDA. A new one is a struct
// here, a word in the list below, and its name in pydarknet/activations.py.
//
// M is the arithmetic: a type M::V of one or several floats with M::constant, exp, exp_to (of x, or top if
// that is less), expm1, logistic, tanh and floor. A formula is M::V f<M>(M::V x). By Darknet's formulas a
// slope is found from the output, slope<M>(f(x)); those of swish, mish, hard_mish and gelu need the input.
#pragma once
#include "host_device.h"
#include "ops/activation.h"

// All of them; an enumerator is k and the struct's name.
// clang-format off
#define PYDARKNET_ACTIVATIONS(X) \
  X(Linear) X(Logistic) X(Loggy) X(Relu) X(Elu) X(Selu) X(Relie) X(Plse) X(Hardtan) X(Lhtan) \
  X(Ramp) X(Leaky) X(Tanh) X(Stair) X(Relu6) X(Swish) X(Mish) X(HardMish) X(Gelu)
// clang-format on

namespace pydarknet {

#define PYDARKNET_ENUMERATOR(name) k##name,
enum class Activation : int { PYDARKNET_ACTIVATIONS(PYDARKNET_ENUMERATOR) };
#undef PYDARKNET_ENUMERATOR

// The slope below zero with which max(x, slope * x) makes the activation; 1 for those it can't make.
float rectifier_slope(Activation activation);

namespace activation {

template <class M>
using V = typename M::V;

template <class M>
PYDARKNET_DEVICE inline V<M> at_least(V<M> v, float bound) {
  return v < bound ? M::constant(bound) : v;
}
template <class M>
PYDARKNET_DEVICE inline V<M> at_most(V<M> v, float bound) {
  return v > bound ? M::constant(bound) : v;
}
template <class M>
PYDARKNET_DEVICE inline V<M> above_zero(V<M> v, float above, float below) {
  return v > 0.0f ? M::constant(above) : M::constant(below);
}
template <class M>
PYDARKNET_DEVICE inline V<M> between(V<M> v, float low, float high, float inside, float outside) {
  const V<M> below = v < high ? M::constant(inside) : M::constant(outside);
  return v > low ? below : M::constant(outside);
}

// What a formula is unless it says otherwise.
struct Formula {
  static constexpr float kRectifier = 1.0f;
};

struct Linear : Formula {
  static constexpr const char* kName = "linear";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return x;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M>) {
    return M::constant(1.0f);
  }
};

struct Logistic : Formula {
  static constexpr const char* kName = "logistic";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return M::logistic(x);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return (1.0f - y) * y;
  }
};

struct Loggy : Formula {
  static constexpr const char* kName = "loggy";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return M::tanh(0.5f * x);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    const V<M> logistic = (y + 1.0f) * 0.5f;
    return 2.0f * (1.0f - logistic) * logistic;
  }
};

struct Relu : Formula {
  static constexpr const char* kName = "relu";
  static constexpr float kRectifier = 0.0f;
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return x > 0.0f ? x : M::constant(0.0f);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return above_zero<M>(y, 1.0f, 0.0f);
  }
};

struct Elu : Formula {
  static constexpr const char* kName = "elu";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return x >= 0.0f ? x : M::expm1(x);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return y >= 0.0f ? M::constant(1.0f) : y + 1.0f;
  }
};

struct Selu : Formula {
  static constexpr const char* kName = "selu";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return 1.0507f * (x >= 0.0f ? x : 1.6732f * M::expm1(x));
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return y >= 0.0f ? M::constant(1.0507f) : y + 1.0507f * 1.6732f;
  }
};

struct Relie : Formula {
  static constexpr const char* kName = "relie";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return x > 0.0f ? x : x * 0.01f;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return above_zero<M>(y, 1.0f, 0.01f);
  }
};

struct Plse : Formula {
  static constexpr const char* kName = "plse";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    const V<M> high = x > 4.0f ? 0.01f * (x - 4.0f) + 1.0f : 0.125f * x + 0.5f;
    return x < -4.0f ? 0.01f * (x + 4.0f) : high;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    const V<M> not_high = y > 1.0f ? M::constant(0.01f) : M::constant(0.125f);
    return y < 0.0f ? M::constant(0.01f) : not_high;
  }
};

struct Hardtan : Formula {
  static constexpr const char* kName = "hardtan";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return at_most<M>(at_least<M>(x, -1.0f), 1.0f);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return between<M>(y, -1.0f, 1.0f, 1.0f, 0.0f);
  }
};

struct Lhtan : Formula {
  static constexpr const char* kName = "lhtan";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    const V<M> high = x > 1.0f ? 0.001f * (x - 1.0f) + 1.0f : x;
    return x < 0.0f ? 0.001f * x : high;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return between<M>(y, 0.0f, 1.0f, 1.0f, 0.001f);
  }
};

struct Ramp : Formula {
  static constexpr const char* kName = "ramp";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return (x > 0.0f ? x : M::constant(0.0f)) + 0.1f * x;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return above_zero<M>(y, 1.1f, 0.1f);
  }
};

struct Leaky : Formula {
  static constexpr const char* kName = "leaky";
  static constexpr float kRectifier = 0.1f;
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return x > 0.0f ? x : x * 0.1f;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return above_zero<M>(y, 1.0f, 0.1f);
  }
};

struct Tanh : Formula {
  static constexpr const char* kName = "tanh";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return M::tanh(x);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return 1.0f - y * y;
  }
};

// Steps on even unit intervals, slopes on odd ones.
struct Stair : Formula {
  static constexpr const char* kName = "stair";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    const V<M> floor = M::floor(x), half = M::floor(x * 0.5f);
    return floor == 2.0f * half ? half : (x - floor) + half;
  }
  // Equal numbers mean that y lies on a step.
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return M::floor(y) == y ? M::constant(0.0f) : M::constant(1.0f);
  }
};

struct Relu6 : Formula {
  static constexpr const char* kName = "relu6";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return at_most<M>(at_least<M>(x, 0.0f), 6.0f);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> y) {
    return between<M>(y, 0.0f, 6.0f, 1.0f, 0.0f);
  }
};

struct Swish : Formula {
  static constexpr const char* kName = "swish";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return x * M::logistic(x);
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> x) {
    const V<M> logistic = M::logistic(x);
    return logistic + x * logistic * (1.0f - logistic);
  }
};

// x * tanh(log(1 + e^x)). With e = e^x and w = e (e + 2) the tanh is w / (w + 2), which is 1 from x = 20 on,
// and its slope 4 e (e + 1) / (w + 2)^2.
struct Mish : Formula {
  static constexpr const char* kName = "mish";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    const V<M> e = M::exp_to(x, 20.0f), w = e * (e + 2.0f);
    return x * (w / (w + 2.0f));
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> x) {
    const V<M> v = at_most<M>(x, 20.0f), e = M::exp(v), w = e * (e + 2.0f), above = w + 2.0f;
    return w / above + v * (4.0f * e * (e + 1.0f) / (above * above));
  }
};

struct HardMish : Formula {
  static constexpr const char* kName = "hard_mish";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    const V<M> middle = x > -2.0f ? x * x * 0.5f + x : M::constant(0.0f);
    return x > 0.0f ? x : middle;
  }
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> x) {
    const V<M> middle = x > -2.0f ? x + 1.0f : M::constant(0.0f);
    return x > 0.0f ? M::constant(1.0f) : middle;
  }
};

struct Gelu : Formula {
  static constexpr const char* kName = "gelu";
  template <class M>
  PYDARKNET_DEVICE static V<M> f(V<M> x) {
    return 0.5f * x * (1.0f + M::tanh(0.797885f * x + 0.035677f * x * x * x));
  }
  // The tanh is 1 or -1 beyond the bounds, which keep squares finite.
  template <class M>
  PYDARKNET_DEVICE static V<M> slope(V<M> x) {
    const V<M> v = at_most<M>(at_least<M>(x, -10.0f), 10.0f);
    const V<M> tanh = M::tanh(0.797885f * v + 0.035677f * v * v * v);
    return 0.5f * (1.0f + tanh) + 0.5f * v * (1.0f - tanh * tanh) * (0.797885f + 0.107031f * v * v);
  }
};

}  // namespace activation
}  // namespace pydarknet
