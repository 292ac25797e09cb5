#pragma once
#include <vector>

#include "tilecompile/frame/sky_samples.hpp"
#include "tilecompile/image/sky_mesh.hpp"

namespace tilecompile {

/// What must be taken from each frame so that all have one sky: a smooth surface s_f a frame. Returned
/// [frame] are its coefficients on the mesh.
///
/// Samples d are s_f + m in their cells, with m the same for all frames of a cell. Minimised is
/// sum pixels (d - m - s_f)^2 + 0.01 mean(pixels) sum_f (squares of the second differences of neighbouring
/// coefficients of s_f + 0.06 times those of the first): where a frame has no samples its surface goes on
/// straight and then levels off, so it ends nowhere. The s_f of all frames add up to 0 everywhere, which
/// keeps the sky of their plain mean, as it would be if every frame covered the whole image; so the sky has
/// no step where frames begin. Solved by turns for all s_f, for that sum, and for m, until no coefficient
/// moves by more than `tolerance`, at most 200 times. Sums in frame order, in double. Without samples all are
/// 0. Extension, see docs/method.md.
std::vector<std::vector<double>> fit_skies(const std::vector<std::vector<SkySample>>& samples,
                                           const SkyMesh& mesh, double tolerance);

/// Keeps a surface in the metrics of its frame, rounded to 1/1024 of the frame's noise; a frame without noise
/// gets none.
void keep_sky(FrameChannel& frame, const std::vector<double>& surface);
/// The surface that is kept, in units of I'; empty when there is none.
std::vector<double> kept_sky(const FrameChannel& frame);

}  // namespace tilecompile
