#include "tilecompile/tile/tile_parts.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TileMetricsPart metrics_part(TileKind kind) {
  TileMetricsPart part{7, {64, 66}, kind, {}};
  LocalMetrics m;
  if (kind == TileKind::kStar)
    m.star = StarMetrics{1.0 / 3, 0.9, -1e-300};
  else
    m.structure = StructureMetrics{1.0 / 7, 0.99};
  LocalMetrics covered;
  covered.covered_share = 1.0 / 3;
  part.channels = {{m, {}, m}, {{}, covered, {}}};
  return part;
}

TileSumsPart sums_part(bool sampled) {
  TileSumsPart part{7, {10, 20, 3, 6}, {64, 130}, sampled, {}};
  const int rows = sampled ? 2 : 6;
  const std::vector<Plane<double>> sums(PartialSums::kSums, Plane<double>(3, rows, 1.0 / 3));
  const Plane<std::int32_t> coverage(3, rows, 64);
  part.channels = {{{sums, {}, coverage}, {sums, sums, coverage}},
                   {{sums, sums, coverage}, {sums, {}, coverage}}};
  return part;
}

template <class Decode>
void expect_every_truncation_refused(const std::string& bytes, std::size_t last, const Decode& decode) {
  for (std::size_t n = 0; n < last; ++n) EXPECT_THROW(decode(bytes.substr(0, n)), InputError) << n;
  EXPECT_THROW(decode(bytes + "x"), InputError);
}

TEST(ChunkRanges, CoverEveryFrameOnceInWholeChunks) {
  for (const int frames : {1, 63, 64, 65, 200})
    for (const int chunk : {1, 5, 64})
      for (const int chunks : {1, 2, 1000}) {
        int next = 0;
        for (const FrameRange& r : chunk_ranges(frames, chunk, chunks)) {
          EXPECT_EQ(r.first, next);
          EXPECT_EQ(r.first % chunk, 0);
          EXPECT_LE(r.count(), chunk * chunks);
          next = r.last + 1;
        }
        EXPECT_EQ(next, frames);
      }
}

TEST(TileParts, ObjectsRoundTripAndDamagedOnesAreRefused) {
  for (const TileKind kind : {TileKind::kStar, TileKind::kStructure}) {
    const std::string bytes = encode_metrics_part(metrics_part(kind));
    EXPECT_EQ(encode_metrics_part(decode_metrics_part(bytes)), bytes);
    expect_every_truncation_refused(bytes, bytes.size() - 1, decode_metrics_part);
  }
  for (const bool with_mean : {false, true}) {
    TileWeights weights{7, {{1.0 / 3, -3}, {0, 0.1}}, {{0.7, 1e-9}, {1, 2}}, {}};
    if (with_mean) weights.mean = {Plane<double>(3, 2, 1.0 / 7), Plane<double>(3, 2, std::nan(""))};
    const std::string w = encode_tile_weights(weights);
    EXPECT_EQ(encode_tile_weights(decode_tile_weights(w)), w);
    EXPECT_EQ(decode_tile_weights(w).frame_weight, weights.frame_weight);
    EXPECT_EQ(decode_tile_weights(w).mean.size(), with_mean ? 2u : 0u);
    expect_every_truncation_refused(w, w.size(), decode_tile_weights);
  }
  for (const bool sampled : {false, true}) {
    const std::string s = encode_sums_part(sums_part(sampled));
    EXPECT_EQ(encode_sums_part(decode_sums_part(s)), s);
    expect_every_truncation_refused(s, s.size(), decode_sums_part);
    std::string huge = s;
    huge.replace(huge.find("[10,20,3,6]"), 11, "[10,20,1048576,1048576]");
    EXPECT_THROW(decode_sums_part(huge), InputError);
  }
}

TEST(TileParts, MissingOrMisplacedFramesAreFound) {
  FrameMetrics metrics;
  metrics.channels = {std::vector<FrameChannel>(6)};
  const Box box{0, 0, 20, 20};
  TileMetricsPart a{0, {0, 2}, TileKind::kStructure, {{{}, {}, {}}}}, b = a;
  b.frames = {3, 5};
  EXPECT_NO_THROW(weigh_tile({a, b}, box, metrics, {}, 0));
  EXPECT_THROW(weigh_tile({b, a}, box, metrics, {}, 0), ContractError);
  EXPECT_THROW(weigh_tile({a}, box, metrics, {}, 0), ContractError);
  EXPECT_THROW(weigh_tile({a, b, b}, box, metrics, {}, 0), ContractError);
  b.channels.push_back(b.channels.front());
  EXPECT_THROW(weigh_tile({a, b}, box, metrics, {}, 0), ContractError);
}

}  // namespace
}  // namespace tilecompile
