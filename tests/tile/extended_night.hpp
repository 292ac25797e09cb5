#pragma once
#include <cmath>
#include <random>
#include <vector>

#include "tilecompile/frame/footprint.hpp"
#include "tilecompile/frame/fwhm_surface.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

inline constexpr Box kBox{0, 0, 60, 45};

/// Frames with a star in the middle, of different width and noise, some of them with a border.
struct ExtendedNight {
  std::vector<Plane<float>> frames;
  FrameMetrics metrics;

  explicit ExtendedNight(int count) {
    std::mt19937 rng(5);
    metrics.channels.resize(1);
    metrics.image_width = kBox.w;
    metrics.image_height = kBox.h;
    for (int f = 0; f < count; ++f) {
      const double sigma = 1.2 + 0.1 * (f % 5), noise = 1 + 0.25 * (f % 3);
      std::normal_distribution<float> sky(100, static_cast<float>(noise));
      Plane<float> p(kBox.w, kBox.h);
      for (int y = 0; y < kBox.h; ++y)
        for (int x = 0; x < kBox.w; ++x) {
          const double r2 = (x - 30) * (x - 30) + (y - 22) * (y - 22);
          p.at(x, y) =
              sky(rng) + static_cast<float>(500 / (sigma * sigma) * std::exp(-0.5 * r2 / (sigma * sigma)));
        }
      for (int y = 0; y < kBox.h; ++y)
        for (int x = 0; x < (f % 4) * 5; ++x) p.at(x, y) = std::nanf("");
      FrameChannel c;
      c.background = 100;
      c.noise = noise;
      c.inverse_variance = 1 / (noise * noise);
      c.normalization = {100, 1, 100};
      c.fwhm_surface = fit_fwhm_surface({{30, 22, 2.3548 * sigma}}, kBox.w, kBox.h);
      c.footprint = find_footprint(p.view());
      metrics.channels[0].push_back(c);
      frames.push_back(std::move(p));
    }
  }
  TileInput input(const ReconstructionParams& reconstruction) const {
    TileInput in;
    in.box = kBox;
    in.metrics = &metrics;
    in.reconstruction = reconstruction;
    in.local.mode = LocalMetricsParams::Mode::kSeeing;
    in.cutouts.resize(1);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      in.cutouts[0].push_back({frames[f].view(), 0});
      in.frame_index.push_back(static_cast<int>(f));
    }
    return in;
  }
};

inline ReconstructionParams all_extensions() {
  ReconstructionParams p;
  p.rejection.mode = RejectionParams::Mode::kSigmaClip;
  p.noise_guard.mode = NoiseGuardParams::Mode::kSignificance;
  p.local_sky = ReconstructionParams::LocalSky::kMean;
  p.edge_feather_px = 12;
  return p;
}

}  // namespace tilecompile
