#include "rejected_tracks.hpp"

#include <algorithm>
#include <cmath>

namespace tilecompile {
namespace {

constexpr double kTrackSignificance = 2;
constexpr int kBorderPx = 2;
constexpr int kFewestLost = 3;  // of 3 x 3 px: more than a hot pixel; a straight border has them

class TrackGrower {
 public:
  TrackGrower(const std::vector<WeightedCutout>& cutouts, const std::vector<double>& widening,
              const PixelLimits& limits, double min_kept_fraction, Rejection& rejection)
      : cutouts_(cutouts),
        widening_(widening),
        limits_(limits),
        min_kept_fraction_(min_kept_fraction),
        rejection_(rejection),
        left_(limits.samples) {
    for (const Plane<std::uint8_t>& kept : rejection.kept)
      for (std::size_t p = 0; p < kept.size(); ++p) left_.samples()[p] -= kept.samples()[p] == 0 ? 1 : 0;
  }

  // `seeds` grows while it is worked off.
  void follow(std::size_t cutout, std::vector<PixelPlace>& seeds) {
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      const PixelPlace seed = seeds[i];
      if (lost_within(cutout, seed.x, seed.y) < kFewestLost) continue;
      around(seed.x, seed.y, [&](int x, int y) {
        if (!kept(cutout, x, y) || !may_lose(x, y) || !still_bright(cutout, x, y)) return;
        reject(cutout, x, y);
        seeds.push_back({x, y});
      });
    }
    for (int step = 0; step < kBorderPx; ++step) widen(cutout, seeds);
  }

 private:
  template <class Visit>
  void around(int x, int y, const Visit& visit) const {
    for (int v = std::max(0, y - 1); v <= std::min(left_.height() - 1, y + 1); ++v)
      for (int u = std::max(0, x - 1); u <= std::min(left_.width() - 1, x + 1); ++u) visit(u, v);
  }

  // The wings of what is wide go on below the noise.
  void widen(std::size_t cutout, std::vector<PixelPlace>& track) {
    std::vector<PixelPlace> border;
    for (const PixelPlace& place : track)
      around(place.x, place.y, [&](int x, int y) {
        if (kept(cutout, x, y) && may_lose(x, y) && lost_within(cutout, x, y) >= kFewestLost)
          border.push_back({x, y});
      });
    for (const PixelPlace& place : border) {
      if (!kept(cutout, place.x, place.y)) continue;  // named twice
      reject(cutout, place.x, place.y);
      track.push_back(place);
    }
  }

  int lost_within(std::size_t cutout, int x, int y) const {
    int lost = 0;
    around(x, y, [&](int u, int v) { lost += rejection_.kept[cutout].at(u, v) == 0 ? 1 : 0; });
    return lost;
  }

  bool kept(std::size_t cutout, int x, int y) const {
    const float s = cutouts_[cutout].samples.at(x, y);
    return s == s && rejection_.kept[cutout].at(x, y) != 0 && rejection_.plain.at(x, y) == 0;
  }

  bool may_lose(int x, int y) const {
    return left_.at(x, y) - 1 >= min_kept_fraction_ * limits_.samples.at(x, y);
  }

  double above(std::size_t cutout, int x, int y) const {
    return static_cast<float>(cutouts_[cutout].normalization(cutouts_[cutout].samples.at(x, y))) -
           limits_.middle.at(x, y);
  }

  bool still_bright(std::size_t cutout, int x, int y) const {
    double sum = 0, count = 0;
    around(x, y, [&](int u, int v) {
      const double scale = limits_.scale.at(u, v);
      if (!kept(cutout, u, v) || !(scale > 0)) return;
      sum += (above(cutout, u, v) / widening_[cutout] - limits_.tolerance.at(u, v)) / scale;
      count += 1;
    });
    return sum > kTrackSignificance * std::sqrt(count);
  }

  void reject(std::size_t cutout, int x, int y) {
    rejection_.kept[cutout].at(x, y) = 0;
    ++rejection_.high[cutout];
    rejection_.light_high.at(x, y) += part_of_light(cutouts_[cutout], limits_, x, y) * above(cutout, x, y);
    --left_.at(x, y);
  }

  const std::vector<WeightedCutout>& cutouts_;
  const std::vector<double>& widening_;
  const PixelLimits& limits_;
  double min_kept_fraction_;
  Rejection& rejection_;
  Plane<std::int32_t> left_;  // kept samples a pixel
};

}  // namespace

double part_of_light(const WeightedCutout& cutout, const PixelLimits& limits, int x, int y) {
  return limits.mean_share.empty() ? 1 : cutout.shares.at(x, y) / limits.mean_share.at(x, y);
}

void grow_tracks(const std::vector<WeightedCutout>& cutouts, const std::vector<double>& widening,
                 const PixelLimits& limits, double min_kept_fraction,
                 std::vector<std::vector<PixelPlace>> seeds, Rejection& rejection) {
  TrackGrower grower(cutouts, widening, limits, min_kept_fraction, rejection);
  for (std::size_t i = 0; i < cutouts.size(); ++i) grower.follow(i, seeds[i]);
}

}  // namespace tilecompile
