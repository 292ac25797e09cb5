#pragma once
#include <vector>

#include "analyse_night.hpp"
#include "tilecompile/master/tile_joiner.hpp"
#include "tilecompile/products/products.hpp"
#include "tilecompile/tile/clusters.hpp"

namespace tilecompile {

/// What the headers of all products say.
ProductContext product_context(const RunUnderWay& run, const AnalysedNight& night);
/// The classical stack without the trails and hot pixels that rejection took from the reconstruction: what
/// steps of the tile grid are looked for against.
Image stack_of_what_was_kept(const AnalysedNight& night, const std::vector<CoaddChannel>& reconstruction);

/// The classical stack and the reconstruction, with the metrics of tiles and what was rejected; `kept` is
/// stack_of_what_was_kept.
void write_reconstruction(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                          const std::vector<CoaddChannel>& reconstruction, const Image& kept);
/// The final picture, its preview and the verdict on it.
void write_final(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                 const ProductPlan& plan, const std::vector<CoaddChannel>& channels, const Image& kept);
/// The same where the reconstruction, which is written already, is the final picture.
void link_final(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                const ProductPlan& plan, const std::vector<CoaddChannel>& reconstruction);
/// frame_metrics.csv; `clusters` are empty until there are synthetic frames.
void write_frame_table(const RunUnderWay& run, const AnalysedNight& night, const Clusters& clusters);

}  // namespace tilecompile
