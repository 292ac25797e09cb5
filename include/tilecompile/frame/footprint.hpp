#pragma once
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// The borders inside the image of the part that a frame covers: edges of the convex hull of its valid pixels
/// that do not run along the image's own border. Holes inside are no borders. None for a frame that covers
/// the whole image or nothing.
std::vector<FootprintEdge> find_footprint(const PlaneView<float>& plane);

/// Factor in (0, 1] with which a frame enters each pixel of `box`: smoothstep of the distance from its
/// nearest border over `feather_px`; a pixel on the border counts as half a pixel inside. Empty where no
/// border is near (the factor is 1 everywhere).
Plane<float> edge_ramp(const std::vector<FootprintEdge>& footprint, const Box& box, double feather_px);

}  // namespace tilecompile
