#pragma once
#include <vector>

#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {

/// How far the sky of each cut-out lies above that of the plain mean of all, in units of I'. Gradients of
/// moonlight or haze differ from frame to frame; means with unequal weights show them, and differently from
/// pixel to pixel where the noise guard mixes two of them.
///
/// C is the plain mean of the n valid I' of a pixel (canonical frame sum, float32), C_f = C - (I'_f - C) / (n
/// - 1) that of the other frames. The sky of frame f is the darker half of C_f: its valid pixels with n > 1
/// where C_f is at most the median of C_f over them; so the frame's own noise has no say in the choice. o_f
/// is the mean of I'_f - C over the sky within 3 robust standard deviations of its median, summed row by row;
/// 0 with fewer than 64 pixels of sky. Returned is o_f - sum n_f o_f / sum n_f, n_f the number of
/// pixels of its sky (frames with fewer than 64 stay 0), which keeps the sky of the plain mean. Extension,
/// see docs/method.md.
std::vector<double> local_sky(const std::vector<WeightedCutout>& cutouts, int width, int height,
                              int frame_chunk);

}  // namespace tilecompile
