#include "tilecompile/coadd/stack.hpp"

#include <limits>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

AverageStack::AverageStack(int width, int height)
    : sum_(width, height), weight_(width, height), count_(width, height), coverage_(width, height) {}

void AverageStack::add(const CoaddChannel& frame) {
  if (frame.pixels.width() != sum_.width() || frame.pixels.height() != sum_.height())
    throw ContractError("final stack: a synthetic frame has another shape");
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const float v = frame.pixels.samples()[i];
    coverage_.samples()[i] += frame.coverage.samples()[i];
    weight_.samples()[i] += frame.weight.samples()[i];
    if (v != v) continue;
    sum_.samples()[i] += v;
    ++count_.samples()[i];
  }
}

CoaddChannel AverageStack::finish() const {
  const int w = sum_.width(), h = sum_.height();
  CoaddChannel stack{Plane<float>(w, h, std::numeric_limits<float>::quiet_NaN()), coverage_,
                     Plane<float>(w, h)};
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    stack.weight.samples()[i] = static_cast<float>(weight_.samples()[i]);
    const std::int32_t n = count_.samples()[i];
    if (n > 0) stack.pixels.samples()[i] = static_cast<float>(sum_.samples()[i] / n);
  }
  return stack;
}

}  // namespace tilecompile
