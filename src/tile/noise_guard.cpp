#include "noise_guard.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/smoothing.hpp"

namespace tilecompile {
namespace {

constexpr double kSmoothingPx = 1;

double smoothstep(double u) {
  const double v = std::clamp(u, 0.0, 1.0);
  return v * v * (3 - 2 * v);
}

}  // namespace

Plane<double> sharp_share(const Plane<float>& sharp, const Plane<float>& quiet,
                          const NoiseGuardParams& params, double seeing_px) {
  Plane<double> difference(sharp.width(), sharp.height());
  for (std::size_t i = 0; i < difference.size(); ++i) {
    const double d = static_cast<double>(sharp.samples()[i]) - quiet.samples()[i];
    difference.samples()[i] = d == d ? d : 0;
  }
  Plane<double> significance = gaussian_smooth(difference, kSmoothingPx);
  const double sd = robust_sd(significance.samples());
  if (!(sd > 0)) return Plane<double>(sharp.width(), sharp.height());
  for (double& t : significance.samples()) t = std::abs(t) / sd;
  const int reach = std::max(1, static_cast<int>(std::floor(params.reach_fwhm * seeing_px + 0.5)));
  Plane<double> share = gaussian_smooth(maximum_filter(significance, reach), kSmoothingPx);
  for (double& s : share.samples()) s = smoothstep((s - params.low) / (params.high - params.low));
  return share;
}

}  // namespace tilecompile
