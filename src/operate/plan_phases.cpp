#include <algorithm>

#include "plan_sample.hpp"
#include "tilecompile/coadd/mean_stack.hpp"
#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/coadd/stack.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/master/synthetic_round.hpp"
#include "tilecompile/master/tile_joiner.hpp"
#include "tilecompile/night/frame_bands.hpp"
#include "tilecompile/passes/master_making.hpp"
#include "tilecompile/passes/proof_median.hpp"
#include "tilecompile/passes/raw_sample.hpp"

namespace tilecompile {
namespace {

constexpr std::uint64_t kProgramBytes = 32ULL << 20;  // code, libraries, what the allocator keeps
// Bytes a pixel and channel: mean, variance and coverage of the classical stack.
constexpr std::uint64_t kClassicalBytes = 2 * sizeof(float) + sizeof(std::int32_t);
constexpr std::uint64_t kCodeBytes = 2;                     // a sample of a packed frame that is kept
constexpr std::uint64_t kDistributionBytes = 20;            // a thread: keys twice and distinct values
constexpr std::uint64_t kWritingBytes = 4 * sizeof(float);  // output units, digest, preview, figures

// Bands that one pass over all tiles reads, and their rows in units of the image's height.
struct BandReads {
  std::size_t bands = 0, largest_bytes = 0;
  double images = 0;
};

BandReads band_reads(const Grid& grid, const RunPlan& plan, std::size_t limit) {
  BandReads reads;
  Box last{-1, -1, 0, 0};
  for (const Box& tile : grid.tiles) {
    const BandShape shape(plan.samples, tile, plan.frames);
    const Box region =
        BandCache::region(tile, plan.width, shape, limit, static_cast<std::size_t>(plan.threads));
    if (region == last) continue;
    const bool below = region.x0 == last.x0 && region.w == last.w;
    const int shared = below ? std::max(0, last.y1() - region.y0) : 0;
    last = region;
    ++reads.bands;
    reads.images += static_cast<double>(region.h - shared) / plan.height;
    reads.largest_bytes = std::max(reads.largest_bytes, shape.size_bytes(region));
  }
  return reads;
}

// Bands read whole rows; of gzipped frames that are not kept all has to be unpacked, every time.
std::uint64_t band_bytes(const Manifest& manifest, const BandReads& reads, double share) {
  double bytes = 0;
  for (const ManifestEntry& f : manifest.frames)
    bytes += static_cast<double>(f.size_bytes) *
             (f.path.ends_with(".gz") ? static_cast<double>(reads.bands) : reads.images);
  return static_cast<std::uint64_t>(share * bytes);
}

}  // namespace

std::vector<PlannedPhase> planned_phases(const RunConfig& config, const Manifest& manifest, const Grid& grid,
                                         const PlanSample& sample, const RunPlan& plan) {
  std::uint64_t all = 0;
  for (const ManifestEntry& f : manifest.frames) all += f.size_bytes;
  const auto plane = static_cast<std::uint64_t>(plan.width) * static_cast<std::uint64_t>(plan.height);
  const std::uint64_t pixels = plane * static_cast<std::uint64_t>(plan.channels);
  const auto threads = static_cast<std::uint64_t>(plan.threads), frames = manifest.frames.size();
  const RawCosts raw = raw_costs(config, manifest, pixels * sizeof(float));
  const std::uint64_t kept = plan.samples.packed ? std::min<std::uint64_t>(kept_memory_bytes(config.parallel),
                                                                           kCodeBytes * pixels * frames)
                                                 : raw.kept_bytes;
  const std::uint64_t held_raw = kProgramBytes + raw.masters_bytes + kept;
  const std::uint64_t resident = held_raw + pixels * kClassicalBytes;
  const std::uint64_t images = std::min<std::uint64_t>(2 * threads, frames) * pixels * sizeof(float);
  const std::size_t limit = band_memory_bytes(config, plan.samples.packed);
  const std::size_t median = median_bytes(manifest, !calibrates(config) && !plan.samples.packed,
                                          memory_limit_bytes(config.parallel));
  const BandReads reads = band_reads(grid, plan, limit);
  const double unkept =
      plan.samples.packed ? 1 - static_cast<double>(kept) / static_cast<double>(kCodeBytes * pixels * frames)
                          : raw.unkept;
  const double read_again = plan.samples.planes > plan.channels ? 1 : unkept;  // drizzled frames are not kept
  const std::uint64_t bands = std::min<std::uint64_t>(
      std::max(limit, reads.largest_bytes),
      reads.largest_bytes *
          std::min<std::uint64_t>(std::max<std::uint64_t>(BandCache::kLeastBands, threads), reads.bands));
  const std::uint64_t held =
      std::min<std::uint64_t>(TileJoiner::kMostHeldBytes, pixels * CoaddChannel::kBytesAPixel);
  const std::uint64_t joined = resident + pixels * OverlapAdd::kBytesAPixel;  // what outlives the bands
  const std::uint64_t tiles = joined + bands + held;
  const double tiles_s = plan.frames *
                         (sample.tile_read_s * static_cast<double>(reads.bands) +
                          sample.tile_compute_s * static_cast<double>(grid.tiles.size())) /
                         plan.threads;
  const bool hashed_at_once = calibrates(config) || plan.samples.packed || !config.cache.dir.empty();
  std::vector<PlannedPhase> phases = {
      {"scan", hashed_at_once ? all : 0, kProgramBytes, hashed_at_once ? sample.scan_s : 0},
      {"analyse frames", all,
       held_raw + images + pixels * MeanStack::kBytesAPixel + plane * threads * kDistributionBytes,
       sample.analyse_s * plan.frames + (hashed_at_once ? 0 : sample.scan_s)},
      {"measure seeing", static_cast<std::uint64_t>(unkept * static_cast<double>(all)),
       resident + std::max<std::uint64_t>(
                      median, images + pixels * (MeanStack::kBytesAPixel + ScatterStack::kBytesAPixel)),
       sample.seeing_s * plan.frames},
      {"reconstruct tiles", band_bytes(manifest, reads, read_again), tiles, tiles_s},
      {"write products", 0, joined + pixels * (2 * CoaddChannel::kBytesAPixel + kWritingBytes), 0}};
  if (calibrates(config)) {
    // Masters are read twice, in bands within a quarter of the limit, and hashed once.
    const double calibration_s =
        3 * sample.scan_s * static_cast<double>(raw.calibration_bytes) / static_cast<double>(all);
    phases.insert(
        phases.begin() + 1,
        {{"calibration", 3 * raw.calibration_bytes,
          kProgramBytes + std::min<std::uint64_t>(std::max<std::uint64_t>(limit / 4, kMasterBandBytes),
                                                  2 * raw.calibration_bytes),
          calibration_s},
         {"register frames", all, kProgramBytes + raw.masters_bytes + threads * raw.star_finding_bytes,
          sample.register_s * plan.frames}});
  }
  if (plan.synthetic_frames == 0) return phases;
  const std::uint64_t frame = joining_bytes(grid, plan.channels);
  const std::uint64_t joining =
      std::clamp<std::uint64_t>(join_memory_bytes(memory_limit_bytes(config.parallel)) / frame, 1,
                                static_cast<std::uint64_t>(plan.synthetic_frames)) *
      frame;
  phases.push_back(
      {"synthetic frames", band_bytes(manifest, reads, read_again),
       std::max(tiles,
                joined + pixels * (2 * CoaddChannel::kBytesAPixel + AverageStack::kBytesAPixel) + joining),
       tiles_s});
  return phases;
}

}  // namespace tilecompile
