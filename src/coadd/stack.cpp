#include "tilecompile/coadd/stack.hpp"

#include <limits>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

AverageStack::AverageStack(int width, int height)
    : sum_(width, height),
      weight_(width, height),
      variance_(width, height),
      inverse_frames_(width, height),
      count_(width, height), coverage_(width, height) {}

void AverageStack::add(const CoaddChannel& frame) {
  if (frame.pixels.width() != sum_.width() || frame.pixels.height() != sum_.height())
    throw ContractError("final stack: a synthetic frame has another shape");
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const float v = frame.pixels.samples()[i];
    coverage_.samples()[i] += frame.coverage.samples()[i];
    weight_.samples()[i] += frame.weight.samples()[i];
    if (v != v) continue;
    sum_.samples()[i] += v;
    variance_.samples()[i] += frame.variance.samples()[i];
    inverse_frames_.samples()[i] += 1.0 / frame.effective_frames.samples()[i];
    ++count_.samples()[i];
  }
}

CoaddChannel AverageStack::finish() const {
  const int w = sum_.width(), h = sum_.height();
  const Plane<float> nothing(w, h, std::numeric_limits<float>::quiet_NaN());
  CoaddChannel stack{nothing, coverage_, Plane<float>(w, h), nothing, Plane<float>(w, h)};
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    stack.weight.samples()[i] = static_cast<float>(weight_.samples()[i]);
    const double n = count_.samples()[i];
    if (!(n > 0)) continue;
    stack.pixels.samples()[i] = static_cast<float>(sum_.samples()[i] / n);
    stack.variance.samples()[i] = static_cast<float>(variance_.samples()[i] / (n * n));
    stack.effective_frames.samples()[i] = static_cast<float>(n * n / inverse_frames_.samples()[i]);
  }
  return stack;
}

}  // namespace tilecompile
