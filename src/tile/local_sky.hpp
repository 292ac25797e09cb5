#pragma once
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// The samples of all cut-outs of a channel, input units, without the sky by which each frame lies above the
/// common one: I - s / gain, s its kept surface at the pixel, in double, rounded once. Cut-outs of frames
/// without a surface are not filled. The surface is one over the whole image, so tiles that overlap have the
/// same samples. Gradients of moonlight or haze differ from frame to frame; means with unequal weights show
/// them, and differently from pixel to pixel where the noise guard mixes two of them. Extension, see
/// docs/method.md.
SampleBlock without_own_skies(const TileInput& input, std::size_t channel);

}  // namespace tilecompile
