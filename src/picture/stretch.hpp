#pragma once
#include <vector>

#include "tilecompile/picture/preview.hpp"

namespace tilecompile {

/// A stretch that puts the background of the plane at a dark grey and black 2.8 sigma below it. White is the
/// brightest pixel.
PreviewStretch fit_stretch(const Plane<float>& plane);
/// One a channel; `linked`: the mean of them for all channels, which keeps the colours as they are.
std::vector<PreviewStretch> fit_stretches(const Image& image, bool linked);

}  // namespace tilecompile
