#include "tilecompile/tile/frame_sum.hpp"

#include <algorithm>
#include <limits>

#include "row_sums.hpp"

namespace tilecompile {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void store_pixel(const RowSums& sums, int x, int y, WeightedMean& result) {
  const auto i = static_cast<std::size_t>(x);
  const double weight = sums.weight[i];
  result.mean.at(x, y) = static_cast<float>(sums.value[i] / weight);
  result.variance.at(x, y) = static_cast<float>(sums.variance[i] / (weight * weight));
  result.effective_frames.at(x, y) = static_cast<float>(weight * weight / sums.squares[i]);
}

// The mean from functions that sum the frames of an image row, as they are and with equal weights.
template <class SumRow, class SumPlainRow>
WeightedMean mean_of_rows(int width, int height, const Plane<std::uint8_t>* plain, const SumRow& sum_row_of,
                          const SumPlainRow& plain_row_of) {
  WeightedMean result{Plane<float>(width, height, kNan), Plane<std::int32_t>(width, height),
                      Plane<float>(width, height), Plane<float>(width, height, kNan),
                      Plane<float>(width, height)};
  RowSums sums(static_cast<std::size_t>(width)), equal(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    sum_row_of(y, sums);
    const auto below = [&](int x) { return sums.weight[static_cast<std::size_t>(x)] < kLeastWeight; };
    const auto is_plain = [&](int x) { return below(x) || (plain != nullptr && plain->at(x, y) != 0); };
    bool needs_plain = false;
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      result.coverage.at(x, y) = sums.count[i];
      result.weight.at(x, y) = static_cast<float>(sums.weight[i]);
      if (sums.count[i] == 0) continue;
      result.fallback_used |= below(x);
      needs_plain |= is_plain(x);
      store_pixel(sums, x, y, result);
    }
    if (!needs_plain) continue;
    plain_row_of(y, equal);
    for (int x = 0; x < width; ++x)
      if (equal.count[static_cast<std::size_t>(x)] > 0 && is_plain(x)) store_pixel(equal, x, y, result);
  }
  return result;
}

void keep_row(RowSums& sums, int y, std::vector<Plane<double>>& planes) {
  const auto totals = sums.sums();
  for (std::size_t k = 0; k < totals.size(); ++k)
    std::copy(totals[k]->begin(), totals[k]->end(), planes[k].row(y));
}

// The sums of a row from those of every chunk, in order.
void join_row(const std::vector<const PartialSums*>& chunks, bool plain, int y, RowSums& sums) {
  const auto totals = sums.sums();
  for (std::vector<double>* total : totals) std::fill(total->begin(), total->end(), 0.0);
  std::fill(sums.count.begin(), sums.count.end(), 0);
  for (const PartialSums* chunk : chunks) {
    const auto& planes = plain ? chunk->plain : chunk->weighted;
    for (std::size_t k = 0; k < planes.size(); ++k) {
      const double* const part = planes[k].row(y);
      for (std::size_t x = 0; x < totals[k]->size(); ++x) (*totals[k])[x] += part[x];
    }
    const std::int32_t* const count = chunk->coverage.row(y);
    for (std::size_t x = 0; x < sums.count.size(); ++x) sums.count[x] += count[x];
  }
}

// The mean of a row where frames are valid, and its sums of weights.
void store_mean(const std::vector<double>& value, const std::vector<double>& weight,
                const std::vector<std::int32_t>& count, int y, Plane<float>& means, Plane<float>& weights) {
  float *mean = means.row(y), *sum = weights.row(y);
  for (std::size_t x = 0; x < value.size(); ++x) {
    sum[x] = static_cast<float>(weight[x]);
    mean[x] = count[x] > 0 ? static_cast<float>(value[x] / weight[x]) : kNan;
  }
}

}  // namespace

WeightedMean weighted_mean(const std::vector<WeightedCutout>& cutouts, int width, int height, int frame_chunk,
                           const PixelMix& mix, const Plane<std::uint8_t>* plain) {
  const auto chunk = static_cast<std::size_t>(std::max(1, frame_chunk));
  return mean_of_rows(
      width, height, plain, [&](int y, RowSums& sums) { sum_row(cutouts, mix, y, chunk, sums); },
      [&](int y, RowSums& sums) { plain_row(cutouts, y, chunk, sums); });
}

SharpAndQuiet sharp_and_quiet(const std::vector<WeightedCutout>& cutouts, int width, int height,
                              int frame_chunk, const Plane<std::uint8_t>* plain) {
  const auto chunk = static_cast<std::size_t>(std::max(1, frame_chunk));
  const Plane<float> nothing(width, height, kNan), zeros(width, height);
  SharpAndQuiet result{nothing, nothing, zeros, zeros};
  TwoRowSums sums(static_cast<std::size_t>(width));
  RowSums equal(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    sum_row_twice(cutouts, y, chunk, sums);
    store_mean(sums.sharp_value, sums.sharp_weight, sums.count, y, result.sharp, result.sharp_weight);
    store_mean(sums.quiet_value, sums.quiet_weight, sums.count, y, result.quiet, result.quiet_weight);
    const auto is_plain = [&](const std::vector<double>& weight, int x) {
      return weight[static_cast<std::size_t>(x)] < kLeastWeight || (plain != nullptr && plain->at(x, y) != 0);
    };
    bool needs_plain = false;
    for (int x = 0; x < width; ++x)
      needs_plain |= sums.count[static_cast<std::size_t>(x)] > 0 &&
                     (is_plain(sums.sharp_weight, x) || is_plain(sums.quiet_weight, x));
    if (!needs_plain) continue;
    plain_row(cutouts, y, chunk, equal);
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      if (equal.count[i] == 0) continue;
      const auto mean = static_cast<float>(equal.value[i] / equal.weight[i]);
      if (is_plain(sums.sharp_weight, x)) result.sharp.at(x, y) = mean;
      if (is_plain(sums.quiet_weight, x)) result.quiet.at(x, y) = mean;
    }
  }
  return result;
}

Plane<double> sampled_mean(const std::vector<WeightedCutout>& cutouts, int width, int height,
                           int frame_chunk) {
  const auto chunk = static_cast<std::size_t>(std::max(1, frame_chunk));
  Plane<double> mean(width, sampled_rows(height));
  RowSums sums(static_cast<std::size_t>(width));
  for (int row = 0; row < mean.height(); ++row) {
    sum_row(cutouts, {}, row * kSampledRowStep, chunk, sums);
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      mean.at(x, row) =
          sums.weight[i] > 0 ? sums.value[i] / sums.weight[i] : std::numeric_limits<double>::quiet_NaN();
    }
  }
  return mean;
}

PartialSums partial_sums(const std::vector<WeightedCutout>& chunk, int width, int height, bool sampled) {
  const int step = sampled ? kSampledRowStep : 1, rows = sampled ? sampled_rows(height) : height;
  const std::vector<Plane<double>> zeros(PartialSums::kSums, Plane<double>(width, rows));
  PartialSums part{zeros, zeros, Plane<std::int32_t>(width, rows)};
  RowSums sums(static_cast<std::size_t>(width)), plain(static_cast<std::size_t>(width));
  bool needs_plain = false;
  for (int row = 0; row < rows; ++row) {
    sum_row(chunk, {}, row * step, chunk.size(), sums);
    plain_row(chunk, row * step, chunk.size(), plain);
    keep_row(sums, row, part.weighted);
    keep_row(plain, row, part.plain);
    std::copy(sums.count.begin(), sums.count.end(), part.coverage.row(row));
    // Weights are not negative, so a pixel below epsilon in the end is below it in every chunk.
    for (std::size_t x = 0; x < sums.count.size(); ++x)
      needs_plain |= sums.count[x] > 0 && sums.weight[x] < kLeastWeight;
  }
  if (!needs_plain) part.plain.clear();
  return part;
}

WeightedMean join_partial_sums(const std::vector<const PartialSums*>& chunks, int width, int height) {
  return mean_of_rows(
      width, height, nullptr, [&](int y, RowSums& sums) { join_row(chunks, false, y, sums); },
      [&](int y, RowSums& sums) { join_row(chunks, true, y, sums); });
}

Plane<double> join_sampled_mean(const std::vector<const PartialSums*>& chunks, int width, int height) {
  Plane<double> mean(width, sampled_rows(height));
  RowSums sums(static_cast<std::size_t>(width));
  for (int row = 0; row < mean.height(); ++row) {
    join_row(chunks, false, row, sums);
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      mean.at(x, row) =
          sums.weight[i] > 0 ? sums.value[i] / sums.weight[i] : std::numeric_limits<double>::quiet_NaN();
    }
  }
  return mean;
}

double frame_sum(const std::vector<double>& values, int frame_chunk) {
  double total = 0, partial = 0;
  for (std::size_t f = 0; f < values.size(); ++f) {
    partial += values[f];
    if ((f + 1) % static_cast<std::size_t>(std::max(1, frame_chunk)) != 0 && f + 1 != values.size()) continue;
    total += partial;
    partial = 0;
  }
  return total;
}

}  // namespace tilecompile
