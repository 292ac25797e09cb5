#include "tilecompile/coadd/row_extremes.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr ValueRange kNothing{kNone, -kNone};

}  // namespace

RowExtremes::RowExtremes(int height)
    : bands_(static_cast<std::size_t>((height + kRows - 1) / kRows), kNothing) {}

void RowExtremes::add_rows(const PlaneView<float>& samples, const Normalization& normalization, int y0,
                           int y1, int first_row) {
  // Many columns side by side: loops without a reduction, which the compiler makes vectors of.
  constexpr int kColumns = 64;
  float low[kColumns], high[kColumns];
  std::fill_n(low, kColumns, std::numeric_limits<float>::infinity());
  std::fill_n(high, kColumns, -std::numeric_limits<float>::infinity());
  for (int y = y0; y < y1; ++y) {
    const float* in = samples.row(y);
    const auto look_at = [&](int x, int columns) {
      for (int i = 0; i < columns; ++i) {
        low[i] = in[x + i] < low[i] ? in[x + i] : low[i];
        high[i] = in[x + i] > high[i] ? in[x + i] : high[i];
      }
    };
    int x = 0;
    for (; x + kColumns <= samples.width; x += kColumns) look_at(x, kColumns);
    look_at(x, samples.width - x);
  }
  const double least = *std::min_element(low, low + kColumns);
  const double most = *std::max_element(high, high + kColumns);
  if (least > most) return;  // nothing valid
  const double a = normalization(least), b = normalization(most);
  ValueRange& band = bands_[static_cast<std::size_t>((first_row + y0) / kRows)];
  band.low = std::min({band.low, a, b});
  band.high = std::max({band.high, a, b});
}

ValueRange RowExtremes::of(const Box& box) const {
  ValueRange all = kNothing;
  for (int band = box.y0 / kRows; band * kRows < box.y1(); ++band) {
    all.low = std::min(all.low, bands_[static_cast<std::size_t>(band)].low);
    all.high = std::max(all.high, bands_[static_cast<std::size_t>(band)].high);
  }
  return all;
}

void RowExtremes::take(int first, const std::vector<ValueRange>& bands) {
  const auto at = static_cast<std::size_t>(first);
  if (at + bands.size() > bands_.size())
    throw ContractError("extremes of rows below the image: band " + std::to_string(at + bands.size()) +
                        " of " + std::to_string(bands_.size()));
  std::copy(bands.begin(), bands.end(), bands_.begin() + first);
}

}  // namespace tilecompile
