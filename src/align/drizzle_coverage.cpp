#include "tilecompile/align/drizzle_coverage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

constexpr int kPlacesAlongASide = 16, kPatchPx = 4;

// Shares of the frames in one patch of the output.
class PatchCoverage {
 public:
  PatchCoverage(const OutputGrid& grid, const Box& patch, const std::optional<CfaPattern>& pattern,
                double drop)
      : grid_(grid), patch_(patch), pattern_(pattern), drop_(drop), sums_(channels(), empty()) {}

  void add(const PlacedFrame& frame) {
    const Point middle =
        map(frame.transform, {grid_.x(patch_.x0 + patch_.w / 2), grid_.y(patch_.y0 + patch_.h / 2)});
    if (!(middle.x > 0 && middle.y > 0 && middle.x < frame.width - 1 && middle.y < frame.height - 1)) return;
    const Box from = source_box(frame.transform, grid_, patch_, frame.width, frame.height);
    const Plane<float> ones(from.w, from.h, 1);
    std::vector<Plane<float>> samples(channels(), Plane<float>(patch_.w, patch_.h)), shares = samples;
    std::vector<DrizzledChannel> to;
    for (std::size_t c = 0; c < channels(); ++c) to.push_back({samples[c].data(), shares[c].data()});
    drizzle(frame.transform, grid_, patch_, {ones.view(), from, frame.width, frame.height}, pattern_, drop_,
            to);
    for (std::size_t c = 0; c < channels(); ++c)
      for (std::size_t i = 0; i < sums_[c].size(); ++i) {
        const float share = shares[c].samples()[i];
        sums_[c].samples()[i] += share;
        missing_ += share > 0 ? 0 : 1;
      }
    ++frames_;
  }

  int frames() const { return frames_; }
  /// Pixels and colours that a frame lacks, summed over the frames.
  double missing_in_frames() const { return missing_; }
  void append_sums(std::vector<double>& to) const {
    for (const Plane<double>& plane : sums_)
      to.insert(to.end(), plane.samples().begin(), plane.samples().end());
  }
  /// The same, [colour].
  void append_colours(std::vector<std::vector<double>>& to) const {
    for (std::size_t c = 0; c < channels(); ++c)
      to[c].insert(to[c].end(), sums_[c].samples().begin(), sums_[c].samples().end());
  }

 private:
  std::size_t channels() const { return pattern_ ? 3 : 1; }
  Plane<double> empty() const { return {patch_.w, patch_.h}; }

  const OutputGrid& grid_;
  Box patch_;
  const std::optional<CfaPattern>& pattern_;
  double drop_;
  std::vector<Plane<double>> sums_;
  double missing_ = 0;
  int frames_ = 0;
};

double rms_shift(const std::vector<PlacedFrame>& frames, const OutputGrid& grid) {
  const Point middle{grid.x(grid.width / 2), grid.y(grid.height / 2)};
  double x = 0, y = 0, squares = 0;
  for (const PlacedFrame& f : frames) {
    const Point at = map(f.transform, middle);
    x += at.x;
    y += at.y;
  }
  const auto n = static_cast<double>(frames.size());
  for (const PlacedFrame& f : frames) {
    const Point at = map(f.transform, middle);
    squares += (at.x - x / n) * (at.x - x / n) + (at.y - y / n) * (at.y - y / n);
  }
  return std::sqrt(squares / n);
}

// Mean and spread of the colour that has least.
void take_poorest(const std::vector<std::vector<double>>& colours, DrizzleCoverage& coverage) {
  coverage.mean = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& sums : colours) {
    double mean = 0, squares = 0;
    const auto n = static_cast<double>(sums.size());
    for (const double s : sums) mean += s / n;
    for (const double s : sums) squares += (s - mean) * (s - mean) / n;
    if (mean >= coverage.mean) continue;
    coverage.mean = mean;
    coverage.spread = std::sqrt(squares);
  }
}

Box patch_at(const OutputGrid& grid, int column, int row) {
  const int w = std::min(kPatchPx, grid.width), h = std::min(kPatchPx, grid.height);
  const auto place = [](int k, int length, int patch) {
    return static_cast<int>((2LL * k + 1) * (length - patch) / (2 * kPlacesAlongASide));
  };
  return {place(column, grid.width, w), place(row, grid.height, h), w, h};
}

}  // namespace

int DrizzleCoverage::frames_needed() const {
  if (missing <= kMostMissing) return frames;
  if (missing >= 1) return std::numeric_limits<int>::max();
  const double more = exact_log(kMostMissing) / exact_log(missing);
  return static_cast<int>(std::min(std::ceil(frames * more), 1e9));
}

DrizzleCoverage DrizzleCoverage::of_more(int all) const {
  if (all <= frames || frames < 3) return *this;  // two frames do not tell what is dithered
  constexpr double kDeviations = 2.33;            // below the mean lies one of 100
  const double more = static_cast<double>(all) / frames;
  DrizzleCoverage expected = *this;
  expected.frames = all;
  if (missing > 0 && missing < 1 && !lacks_dither()) expected.missing = exact_exp(more * exact_log(missing));
  expected.mean = more * mean;
  expected.spread = std::sqrt(more) * spread;
  expected.least = std::max(0.0, expected.mean - kDeviations * expected.spread);
  return expected;
}

bool DrizzleCoverage::lacks_dither() const { return frames > 2 && missing > missing_in_one * missing_in_one; }

DrizzleCoverage drizzle_coverage(const std::vector<PlacedFrame>& frames, const OutputGrid& grid,
                                 const std::optional<CfaPattern>& pattern, double drop) {
  DrizzleCoverage coverage;
  coverage.frames = static_cast<int>(frames.size());
  coverage.missing = 1;
  if (frames.empty()) return coverage;
  coverage.dither_px = rms_shift(frames, grid);
  std::vector<double> sums;
  std::vector<std::vector<double>> colours(pattern ? 3 : 1);
  double missing = 0, looked_at = 0;
  for (int row = 0; row < kPlacesAlongASide; ++row)
    for (int column = 0; column < kPlacesAlongASide; ++column) {
      PatchCoverage patch(grid, patch_at(grid, column, row), pattern, drop);
      for (const PlacedFrame& frame : frames) patch.add(frame);
      if (2 * patch.frames() < coverage.frames) continue;
      const std::size_t before = sums.size();
      patch.append_sums(sums);
      patch.append_colours(colours);
      missing += patch.missing_in_frames();
      looked_at += static_cast<double>(sums.size() - before) * patch.frames();
    }
  if (sums.empty()) return coverage;
  take_poorest(colours, coverage);
  std::sort(sums.begin(), sums.end());
  const auto all = static_cast<double>(sums.size());
  coverage.missing =
      static_cast<double>(std::count_if(sums.begin(), sums.end(), [](double s) { return !(s > 0); })) / all;
  coverage.missing_in_one = missing / looked_at;
  coverage.least = sums[static_cast<std::size_t>(0.01 * all)];
  return coverage;
}

}  // namespace tilecompile
