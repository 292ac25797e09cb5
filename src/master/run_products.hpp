#pragma once
#include <vector>

#include "analyse_night.hpp"
#include "tilecompile/frame/clusters.hpp"
#include "tilecompile/master/tile_joiner.hpp"
#include "tilecompile/products/products.hpp"

namespace tilecompile {

/// What the headers of all products say, and what those are measured with that are measured.
ProductContext product_context(RunUnderWay& run, const AnalysedNight& night,
                               const Yardstick* yardstick = nullptr);

/// The classical stack and the reconstruction, with the metrics of tiles and what was rejected.
void write_reconstruction(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                          const std::vector<CoaddChannel>& reconstruction, const Yardstick& yardstick);
/// The final picture, its preview and the verdict on it.
void write_final(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                 const ProductPlan& plan, const std::vector<CoaddChannel>& channels,
                 const Yardstick& yardstick);
/// The same where the reconstruction, which is written already, is the final picture.
void link_final(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                const ProductPlan& plan, const std::vector<CoaddChannel>& reconstruction);
/// frame_metrics.csv; `clusters` are empty until there are synthetic frames.
void write_frame_table(const RunUnderWay& run, const AnalysedNight& night, const Clusters& clusters);

}  // namespace tilecompile
