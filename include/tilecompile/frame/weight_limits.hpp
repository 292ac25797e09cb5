#pragma once
#include <vector>

namespace tilecompile {

/// Fewest frames among which a limit on the share of one of them acts.
constexpr std::size_t kFewestLimited = 20;

/// Lowers the largest weights to one value, so that none is more than `share` of the sum of all: that value
/// is `share` times the sum after it. Sums run from the smallest weight up, so the order of the frames is no
/// input. Nothing happens with fewer than kFewestLimited weights, with a share of 0, or when all shares are
/// small enough. Returns the value, or 0 when nothing was changed. Weights are not negative.
double limit_shares(std::vector<double>& weights, double share);

/// Indices of the weights that limit_shares has left at its limit, for a word to the user.
std::vector<std::size_t> at_share_limit(const std::vector<double>& weights, double share);

/// Lowers the weights of frames that are not `measured` to the median weight of those that are.
void limit_unmeasured(std::vector<double>& weights, const std::vector<bool>& measured);

}  // namespace tilecompile
