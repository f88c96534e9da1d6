// Weights as the steps of matrix registers read them.
#pragma once
#include "cpu/matrices/bands.h"
#include "cpu/simd/matrix_product.h"
#include "shared/threads.h"

namespace pydarknet {

// Of one panel: [step][tile of filters][word of a pixel][filter][element of the word], where weight(filter,
// channel, tap) is asked for those that exist, and all others are 0.
template <class Element, class Weight>
void pack_matrix_panel(const ConvShape& s, const MatrixLayout& layout, int panel, Weight weight,
                       Element* to) {
  constexpr int kOfWord = 4 / static_cast<int>(sizeof(Element));
  const int channels = layout.pixel / static_cast<int>(sizeof(Element)), tiles = layout.tiles_in(panel);
  const auto value = [&](int step, int k, int element) {
    const int tap_x = step % layout.across * layout.together + element / channels;
    const int tap_y = step / layout.across % s.kernel_h;
    const int c = step / layout.across / s.kernel_h * channels + element % channels;
    const bool in = k < s.k && c < s.c && tap_x < s.kernel_w;
    return in ? weight(k, c, tap_y * s.kernel_w + tap_x) : Element{0};
  };
  for (int step = 0; step < layout.steps; ++step) {
    for (int tile = 0; tile < tiles; ++tile) {
      const int first = (panel * simd::kFilterTiles + tile) * simd::kTileFilters;
      for (int word = 0; word < simd::kMatrixRows; ++word) {
        for (int k = first; k < first + simd::kTileFilters; ++k) {
          for (int i = 0; i < kOfWord; ++i) *to++ = value(step, k, word * kOfWord + i);
        }
      }
    }
  }
}

// All panels; weights (k, c, kernel_h, kernel_w), each of which becomes element(weight).
template <class Element, class Weight, class Convert>
void pack_matrix_weights(const ConvShape& s, const MatrixLayout& layout, const Weight* weights,
                         Convert element, std::uint8_t* packed) {
  parallel_for(layout.panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      pack_matrix_panel(
          s, layout, static_cast<int>(panel),
          [&](int k, int c, int tap) {
            return element(weights[(std::int64_t{k} * s.c + c) * s.taps() + tap]);
          },
          reinterpret_cast<Element*>(packed + panel * layout.panel_bytes()));
    }
  });
}

}  // namespace pydarknet
