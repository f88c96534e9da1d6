// Weights as the steps of matrix registers read them.
#pragma once
#include <array>

#include "cpu/matrices/bands.h"
#include "cpu/simd/matrix_product.h"
#include "shared/threads.h"

namespace pydarknet {

// Where each element of one step's words comes from, in the weights of a filter (c, kernel_h, kernel_w); -1
// where there are none.
template <class Element>
struct StepOrigins {
  static constexpr int kElements = simd::kMatrixBytes / static_cast<int>(sizeof(Element));
  std::array<std::ptrdiff_t, kElements> at;

  StepOrigins(const ConvShape& s, const MatrixLayout& layout, int step) {
    const int channels = layout.pixel / static_cast<int>(sizeof(Element));
    const int first_x = step % layout.across * layout.together, row = step / layout.across;
    for (int i = 0; i < kElements; ++i) {
      const int c = row / s.kernel_h * channels + i % channels, x = first_x + i / channels;
      const bool in = c < s.c && i / channels < layout.together && x < s.kernel_w;
      at[i] = in ? (std::ptrdiff_t{c} * s.kernel_h + row % s.kernel_h) * s.kernel_w + x : -1;
    }
  }
};

// One panel: [step][tile of filters][word of a pixel][filter][element of the word].
template <class Element, class Weight, class Convert>
void pack_matrix_panel(const ConvShape& s, const MatrixLayout& layout, int panel, const Weight* weights,
                       const Convert& element, Element* to) {
  constexpr int kOfWord = 4 / static_cast<int>(sizeof(Element));
  const std::ptrdiff_t filter = std::ptrdiff_t{s.c} * s.taps();
  for (int step = 0; step < layout.steps; ++step) {
    const StepOrigins<Element> origins(s, layout, step);
    for (int tile = 0; tile < layout.tiles_in(panel); ++tile) {
      const int first = (panel * simd::kFilterTiles + tile) * simd::kTileFilters;
      for (int word = 0; word < simd::kMatrixRows; ++word) {
        for (int k = first; k < first + simd::kTileFilters; ++k) {
          for (int i = word * kOfWord; i < (word + 1) * kOfWord; ++i) {
            const bool in = k < s.k && origins.at[i] >= 0;
            *to++ = in ? element(weights[k * filter + origins.at[i]]) : Element{0};
          }
        }
      }
    }
  }
}

// All panels; weights (k, c, kernel_h, kernel_w), each of which becomes element(weight).
template <class Element, class Weight, class Convert>
void pack_matrix_weights(const ConvShape& s, const MatrixLayout& layout, const Weight* weights,
                         const Convert& element, std::uint8_t* packed) {
  parallel_for(layout.panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      pack_matrix_panel(s, layout, static_cast<int>(panel), weights, element,
                        reinterpret_cast<Element*>(packed + panel * layout.panel_bytes()));
    }
  });
}

}  // namespace pydarknet
