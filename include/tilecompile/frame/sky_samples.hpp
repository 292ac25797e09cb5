#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/image/sky_mesh.hpp"

namespace tilecompile {

/// How far the sky of a frame lies above that of a mean of all frames, in one cell.
struct SkySample {
  double above = 0;     ///< units of I'
  double x = 0, y = 0;  ///< mean place of the pixels, px
  double pixels = 0;    ///< of sky that were used; 0: the cell says nothing
};

/// The mean that all frames are compared with: C, its coverage n, and how this frame took part in it. C may
/// have steps and other units than I': what is the same for all frames drops out in fit_skies.
struct SkyReference {
  PlaneView<float> mean;
  PlaneView<std::int32_t> coverage;
  Normalization part;
};

/// Cells of the samples: three by three an interval of the mesh, row by row.
std::size_t sky_cell_count(const SkyMesh& mesh);

/// Measures I' - C of a frame in every cell. C_f = C - (P_f - C) / (n - 1) is the mean of the other frames,
/// P_f the frame as it took part; the sky are the cell's pixels where C_f is at most its median over the cell
/// and its neighbours, so the frame's own noise has no say in the choice. The sample is the mean of I' - C
/// over the sky within 3 robust standard deviations of its median, summed row by row. Of large cells every
/// k-th pixel of every k-th row is looked at, k odd, so that 22 to 63 are left in a row and in a column. A
/// cell says nothing when the frame lacks more than a tenth of the pixels that some frame covers, or has
/// fewer than 16 of sky.
std::vector<SkySample> sample_sky(const PlaneView<float>& plane, const Normalization& normalization,
                                  const SkyReference& reference, const SkyMesh& mesh);

}  // namespace tilecompile
