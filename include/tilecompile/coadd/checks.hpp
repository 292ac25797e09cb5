#pragma once
#include <string>
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/frame/clusters.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// One assertion of the method about a run: what must hold, whether it does, and the figures.
struct NamedCheck {
  std::string name;   ///< "weights_sum", ...
  std::string phase;  ///< of the method, see docs/method.md
  bool passed = true;
  std::string text;  ///< for people
};

/// frames_min, one_shape, exposure_tolerance: what the headers alone decide.
std::vector<NamedCheck> header_checks(const Manifest& manifest, const DataParams& data);
/// weights_sum: the shares of the global metrics sum to 1, to 1e-9.
NamedCheck check_weights_sum(const GlobalMetricsParams& params);
/// background_positive: B > 1e-6 for every channel and frame, where I' = I / B.
NamedCheck check_background_positive(const FrameMetrics& metrics, const NormalizationParams& params);
/// grid_covers_image: every tile lies in the image, and every pixel in a tile.
NamedCheck check_grid_covers_image(const Grid& grid);
/// window_sum_positive: the sum of the windows is positive at every pixel.
NamedCheck check_window_sum_positive(const Grid& grid);
/// tiles_complete: a result for every tile of the grid but those that failed for good.
NamedCheck check_tiles_complete(int done, int failed, int tiles);
/// every_frame_weighted: W is finite and positive for every frame in every tile, so no frame was dropped.
/// `frame_weight` is [channel][tile][frame]; `failed_tiles` of them may be without weights.
NamedCheck check_every_frame_weighted(const std::vector<std::vector<std::vector<double>>>& frame_weight,
                                      int frames, int failed_tiles);
/// clusters_not_empty: every frame belongs to one of the clusters, every cluster has a frame.
NamedCheck check_clusters_not_empty(const Clusters& clusters, int frames);
/// `name`: a finite value at every pixel that some frame covers.
NamedCheck check_finite_where_covered(const std::string& name, const std::string& phase,
                                      const std::vector<CoaddChannel>& channels);

}  // namespace tilecompile
