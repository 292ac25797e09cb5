#include "tilecompile/coadd/checks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace tilecompile {
namespace {

constexpr double kSmallestBackground = 1e-6;

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", v);
  return text;
}

std::string size_text(int w, int h) { return std::to_string(w) + " x " + std::to_string(h) + " px"; }

// The boxes of a grid are all pairs of its column starts and row starts, so each axis can be looked at alone.
struct Axes {
  std::set<int> x, y;
  bool product = false;
};

Axes axes_of(const Grid& grid) {
  Axes axes;
  std::set<std::pair<int, int>> corners;
  for (const Box& t : grid.tiles) {
    axes.x.insert(t.x0);
    axes.y.insert(t.y0);
    corners.emplace(t.x0, t.y0);
  }
  axes.product = corners.size() == grid.tiles.size() && corners.size() == axes.x.size() * axes.y.size();
  return axes;
}

bool covers(const std::set<int>& starts, int size, int length) {
  int end = 0;
  for (const int start : starts) {
    if (start > end) return false;
    end = start + size;
  }
  return end == length;
}

double smallest_window_sum(const std::set<int>& starts, int size, int length) {
  std::vector<double> sum(static_cast<std::size_t>(length));
  for (const int start : starts) {
    const auto window = axis_window(size, start == 0, start + size == length);
    for (int i = 0; i < size && start + i < length; ++i)
      sum[static_cast<std::size_t>(start + i)] += window[static_cast<std::size_t>(i)];
  }
  return sum.empty() ? 0 : *std::min_element(sum.begin(), sum.end());
}

NamedCheck exposure_check(const Manifest& manifest, const DataParams& data) {
  std::vector<double> stated;
  for (const ManifestEntry& f : manifest.frames)
    if (std::isfinite(f.facts.exposure_s)) stated.push_back(f.facts.exposure_s);
  if (stated.empty()) return {"exposure_tolerance", "input checks", true, "no header states an exposure"};
  std::sort(stated.begin(), stated.end());
  const double middle = stated[stated.size() / 2];
  const double worst = std::max(middle - stated.front(), stated.back() - middle);
  return {"exposure_tolerance", "input checks",
          worst <= data.exposure_tolerance_percent / 100 * std::abs(middle),
          "exposures differ by at most " + number(worst) + " s from the median of " + number(middle) +
              " s, " + number(data.exposure_tolerance_percent) + " % allowed"};
}

}  // namespace

std::vector<NamedCheck> header_checks(const Manifest& manifest, const DataParams& data) {
  const auto found = static_cast<int>(manifest.frames.size());
  const int wanted = std::max(1, data.frames_min);
  const bool one_shape = std::all_of(manifest.frames.begin(), manifest.frames.end(), [&](const auto& f) {
    return f.facts.width == manifest.width() && f.facts.height == manifest.height() &&
           f.facts.channels == manifest.channels();
  });
  return {{"frames_min", "input checks", found >= wanted,
           std::to_string(found) + " frames, at least " + std::to_string(wanted) + " asked for"},
          {"one_shape", "input checks", one_shape,
           "all frames are " + size_text(manifest.width(), manifest.height()) + ", channels " +
               std::to_string(manifest.channels())},
          exposure_check(manifest, data)};
}

NamedCheck check_weights_sum(const GlobalMetricsParams& params) {
  const double sum = params.weight_background + params.weight_noise + params.weight_gradient;
  return {"weights_sum", "global metrics", std::abs(sum - 1) <= 1e-9,
          "the shares of background, noise and gradient sum to " + number(sum)};
}

NamedCheck check_background_positive(const FrameMetrics& metrics, const NormalizationParams& params) {
  if (!divides_by_background(params))
    return {"background_positive", "normalisation", true, "not asked for: backgrounds are subtracted"};
  double smallest = std::numeric_limits<double>::infinity();
  bool passed = true;
  for (const auto& frames : metrics.channels)
    for (const FrameChannel& f : frames) {
      passed = passed && f.background > kSmallestBackground && std::isfinite(f.background);
      smallest = std::min(smallest, f.background);
    }
  return {"background_positive", "normalisation", passed,
          "the smallest background of a frame is " + number(smallest)};
}

NamedCheck check_grid_covers_image(const Grid& grid) {
  const Axes axes = axes_of(grid);
  const Box image{0, 0, grid.image_width, grid.image_height};
  const bool passed =
      axes.product && covers(axes.x, grid.size, grid.image_width) &&
      covers(axes.y, grid.size, grid.image_height) &&
      std::all_of(grid.tiles.begin(), grid.tiles.end(), [&](const Box& t) { return image.contains(t); });
  return {"grid_covers_image", "tile grid", passed,
          std::to_string(grid.tiles.size()) + " tiles of " + std::to_string(grid.size) +
              " px on an image of " + size_text(grid.image_width, grid.image_height)};
}

NamedCheck check_window_sum_positive(const Grid& grid) {
  const Axes axes = axes_of(grid);
  const double smallest = smallest_window_sum(axes.x, grid.size, grid.image_width) *
                          smallest_window_sum(axes.y, grid.size, grid.image_height);
  return {"window_sum_positive", "reconstruction", axes.product && smallest > 0,
          "the smallest sum of windows at a pixel is " + number(smallest)};
}

NamedCheck check_tiles_complete(int done, int failed, int tiles) {
  return {"tiles_complete", "reconstruction", done + failed == tiles,
          std::to_string(done) + " of " + std::to_string(tiles) + " tiles have a result" +
              (failed > 0 ? ", " + std::to_string(failed) + " failed for good" : "")};
}

NamedCheck check_every_frame_weighted(const std::vector<std::vector<std::vector<double>>>& frame_weight,
                                      int frames, int failed_tiles) {
  std::size_t bad = 0, all = 0;
  for (const auto& tiles : frame_weight) {
    int empty = 0;
    for (const auto& weights : tiles) {
      if (weights.empty() && ++empty <= failed_tiles) continue;
      all += static_cast<std::size_t>(frames);
      const auto good =
          std::count_if(weights.begin(), weights.end(), [](double w) { return std::isfinite(w) && w > 0; });
      if (weights.size() != static_cast<std::size_t>(frames))
        bad += static_cast<std::size_t>(frames);
      else
        bad += weights.size() - static_cast<std::size_t>(good);
    }
  }
  return {"every_frame_weighted", "local metrics", bad == 0,
          std::to_string(bad) + " of " + std::to_string(all) +
              " weights of a frame in a tile are missing, zero or not finite"};
}

NamedCheck check_clusters_not_empty(const Clusters& clusters, int frames) {
  std::set<int> used(clusters.of_frame.begin(), clusters.of_frame.end());
  const bool passed = clusters.of_frame.size() == static_cast<std::size_t>(frames) && clusters.count > 0 &&
                      used.size() == static_cast<std::size_t>(clusters.count) && *used.begin() == 0 &&
                      *used.rbegin() == clusters.count - 1;
  return {"clusters_not_empty", "states and synthetic frames", passed,
          std::to_string(clusters.of_frame.size()) + " frames in " + std::to_string(used.size()) + " of " +
              std::to_string(clusters.count) + " clusters"};
}

NamedCheck check_finite_where_covered(const std::string& name, const std::string& phase,
                                      const std::vector<CoaddChannel>& channels) {
  std::size_t covered = 0, bad = 0;
  for (const CoaddChannel& c : channels)
    for (std::size_t i = 0; i < c.pixels.size(); ++i) {
      if (c.coverage.samples()[i] <= 0) continue;
      ++covered;
      bad += std::isfinite(c.pixels.samples()[i]) ? 0 : 1;
    }
  return {name, phase, bad == 0,
          std::to_string(bad) + " of " + std::to_string(covered) + " covered pixels have no finite value"};
}

}  // namespace tilecompile
