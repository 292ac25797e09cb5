#include "tilecompile/frame/weight_limits.hpp"

#include <algorithm>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kRounding = 1e-9;

}  // namespace

double limit_shares(std::vector<double>& weights, double share) {
  if (!(share > 0) || weights.size() < kFewestLimited) return 0;
  std::vector<double> ascending = weights, sum_below(weights.size() + 1, 0);
  std::sort(ascending.begin(), ascending.end());
  for (std::size_t i = 0; i < ascending.size(); ++i) sum_below[i + 1] = sum_below[i] + ascending[i];
  if (ascending.back() <= share * sum_below.back()) return 0;
  // With the k largest at the limit L: L = share (sum of the others + k L).
  for (std::size_t k = 1; k < ascending.size(); ++k) {
    const double left = 1 - share * static_cast<double>(k);
    if (!(left > 0)) break;
    const std::size_t others = ascending.size() - k;
    const double limit = share * sum_below[others] / left;
    if (ascending[others - 1] > limit) continue;
    if (!(limit > 0)) break;
    for (double& w : weights) w = std::min(w, limit);
    return limit;
  }
  // The share is below that of equal weights, or too few frames have any weight.
  const double least = *std::find_if(ascending.begin(), ascending.end(), [](double w) { return w > 0; });
  for (double& w : weights) w = std::min(w, least);
  return least;
}

std::vector<std::size_t> at_share_limit(const std::vector<double>& weights, double share) {
  std::vector<std::size_t> found;
  if (!(share > 0) || weights.size() < kFewestLimited) return found;
  double sum = 0;
  for (const double w : weights) sum += w;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (sum > 0 && weights[i] >= share * sum * (1 - kRounding)) found.push_back(i);
  return found;
}

void limit_unmeasured(std::vector<double>& weights, const std::vector<bool>& measured) {
  std::vector<double> known;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (measured[i]) known.push_back(weights[i]);
  if (known.empty()) return;
  const double typical = median(std::move(known));
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!measured[i]) weights[i] = std::min(weights[i], typical);
}

}  // namespace tilecompile
