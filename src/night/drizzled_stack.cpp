#include "tilecompile/night/drizzled_stack.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/night/frame_bands.hpp"
#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {
namespace {

// Cells of levels and bands of extremes begin where blocks do.
constexpr int kBlockStepPx = kLevelCellPx;
static_assert(kLevelCellPx == RowExtremes::kRows);

/// The sums of one channel that its variance comes from.
struct ShareScatter {
  Plane<double> squares;  ///< sum m r^2
  Plane<double> freedom;  ///< sum m - sum m^2 / sum m
  Plane<double> factor;   ///< sum m^2 / (sum m)^2
};

class DrizzledStacker {
 public:
  DrizzledStacker(Analysis& analysis, const FrameSource& source, int frame_chunk)
      : analysis_(analysis), source_(source), frame_chunk_(std::max(1, frame_chunk)) {
    const int width = analysis.metrics.image_width, height = analysis.metrics.image_height;
    const auto channels = analysis.metrics.channels.size();
    const Plane<double> zeros(width, height);
    scatter_.assign(channels, {zeros, zeros, zeros});
    analysis.extremes.assign(channels, RowExtremes(height));
    analysis.variance.assign(channels, Plane<float>(width, height));
  }

  void stack(const Box& box) {
    const FrameBand band(source_, box, 0, frames() - 1);
    for (std::size_t c = 0; c < scatter_.size(); ++c) {
      const std::vector<WeightedCutout> cutouts = cutouts_of(band, c);
      const WeightedMean mean = weighted_mean(cutouts, box.w, box.h, frame_chunk_);
      for (const WeightedCutout& cutout : cutouts)
        analysis_.extremes[c].add_rows(cutout.samples, cutout.normalization, 0, box.h, box.y0);
      keep(mean, box, c);
      add_scatter(cutouts, mean.mean, box, c);
    }
  }

  void finish() {
    for (std::size_t c = 0; c < scatter_.size(); ++c) {
      std::vector<double> noise;
      for (const FrameChannel& f : analysis_.metrics.channels[c]) noise.push_back(f.noise);
      const double typical = median(std::move(noise));
      const Plane<double> squares = scatter_window_sums(scatter_[c].squares),
                          freedom = scatter_window_sums(scatter_[c].freedom);
      Plane<float>& variance = analysis_.variance[c];
      for (std::size_t i = 0; i < variance.size(); ++i) {
        const double of = freedom.samples()[i];
        const double one = of > 0 ? squares.samples()[i] / of : typical * typical;
        variance.samples()[i] = analysis_.coverage[c].samples()[i] > 0
                                    ? static_cast<float>(one * scatter_[c].factor.samples()[i])
                                    : std::numeric_limits<float>::quiet_NaN();
      }
    }
  }

 private:
  int frames() const { return analysis_.metrics.frame_count(); }

  std::vector<WeightedCutout> cutouts_of(const FrameBand& band, std::size_t channel) const {
    std::vector<WeightedCutout> cutouts;
    for (int f = 0; f < frames(); ++f) {
      const FrameCutout cutout = band.cutout(static_cast<int>(channel), f, band.region());
      const FrameChannel& frame = analysis_.metrics.channels[channel][static_cast<std::size_t>(f)];
      WeightedCutout& weighted = cutouts.emplace_back();
      weighted.samples = cutout.samples;
      weighted.shares = cutout.shares;
      weighted.normalization = frame.normalization;
      weighted.noise = frame.noise;
    }
    return cutouts;
  }

  void keep(const WeightedMean& mean, const Box& box, std::size_t c) {
    for (int y = 0; y < box.h; ++y) {
      std::copy_n(mean.mean.row(y), box.w, analysis_.classical[c].row(box.y0 + y) + box.x0);
      std::copy_n(mean.coverage.row(y), box.w, analysis_.coverage[c].row(box.y0 + y) + box.x0);
    }
  }

  // Sums over the frames in canonical chunks: of m r^2, m and m^2.
  void add_scatter(const std::vector<WeightedCutout>& cutouts, const Plane<float>& mean, const Box& box,
                   std::size_t c) {
    std::vector<FrameLevels> levels;
    for (const WeightedCutout& cutout : cutouts)
      levels.push_back(frame_levels(cutout.samples, cutout.normalization, cutout.noise, mean));
    ShareScatter& to = scatter_[c];
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x) {
        double squares = 0, shares = 0, shares2 = 0;
        for (std::size_t begin = 0; begin < cutouts.size(); begin += static_cast<std::size_t>(frame_chunk_)) {
          const std::size_t end = std::min(cutouts.size(), begin + static_cast<std::size_t>(frame_chunk_));
          double part = 0, part_shares = 0, part_shares2 = 0;
          for (std::size_t f = begin; f < end; ++f) {
            const double m = cutouts[f].shares.at(x, y);
            if (!(m > 0)) continue;
            const double r = cutouts[f].normalization(cutouts[f].samples.at(x, y)) -
                             static_cast<double>(mean.at(x, y)) - levels[f].at(x, y);
            part += m * r * r;
            part_shares += m;
            part_shares2 += m * m;
          }
          squares += part;
          shares += part_shares;
          shares2 += part_shares2;
        }
        if (!(shares > 0)) continue;
        to.squares.at(box.x0 + x, box.y0 + y) = squares;
        to.freedom.at(box.x0 + x, box.y0 + y) = shares - shares2 / shares;
        to.factor.at(box.x0 + x, box.y0 + y) = shares2 / (shares * shares);
      }
  }

  Analysis& analysis_;
  const FrameSource& source_;
  int frame_chunk_;
  std::vector<ShareScatter> scatter_;
};

// As many cells side by side as every thread may hold.
int block_columns(const FrameSource& source, std::size_t memory_limit_bytes, int threads) {
  const auto frames = static_cast<int>(source.manifest().frames.size());
  const std::size_t cell = FrameBand::size_bytes({0, 0, kBlockStepPx, kBlockStepPx}, source.planes(), frames);
  const std::size_t cells = memory_limit_bytes / static_cast<std::size_t>(std::max(1, threads)) / cell;
  const int most = (source.manifest().width() + kBlockStepPx - 1) / kBlockStepPx;
  return kBlockStepPx * static_cast<int>(std::clamp<std::size_t>(cells, 1, static_cast<std::size_t>(most)));
}

}  // namespace

int drizzled_block_rows(int height) { return (height + kBlockStepPx - 1) / kBlockStepPx; }

void stack_drizzled_frames(Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                           std::size_t memory_limit_bytes, int threads, Observer& observer) {
  const int width = analysis.metrics.image_width, height = analysis.metrics.image_height;
  const int columns = block_columns(source, memory_limit_bytes, threads);
  DrizzledStacker stacker(analysis, source, method.reconstruction.frame_chunk);
  std::atomic<int> done{0};
  parallel_for(drizzled_block_rows(height), threads, [&](int row) {
    const int y0 = row * kBlockStepPx;
    for (int x0 = 0; x0 < width; x0 += columns) {
      observer.check_stop();
      stacker.stack({x0, y0, std::min(columns, width - x0), std::min(kBlockStepPx, height - y0)});
    }
    observer.progress(++done);
  });
  stacker.finish();
}

}  // namespace tilecompile
