#pragma once
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/frame/sky_mesh.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// `samples` of a frame in the box of `surface`, input units, without the sky by which it lies above the
/// common one: I - s / gain, s its kept surface at the pixel, in double, rounded once. The surface is one
/// over the whole image, so tiles that overlap have the same samples. Gradients of moonlight or haze differ
/// from frame to frame; means with unequal weights show them, and differently from pixel to pixel where the
/// noise guard mixes two of them. Extension, see docs/method.md.
Plane<float> without_own_sky(const PlaneView<float>& samples, const FrameChannel& frame,
                             const SurfaceBox& surface);

}  // namespace tilecompile
