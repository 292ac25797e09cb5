#include "tilecompile/align/star_list.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tilecompile {
namespace {

constexpr double kLeastError_px = 0.03;
constexpr double kFwhmPerSigma = 2.3548200450309493;

int cell_of(double at, int length) {
  const int cell = static_cast<int>(std::floor(at * kStarCells / length));
  return std::clamp(cell, 0, kStarCells - 1);
}

bool comes_first(const FrameStar& a, const FrameStar& b) {
  if (a.poor != b.poor) return b.poor;
  if (a.flux != b.flux) return a.flux > b.flux;
  return a.y != b.y ? a.y < b.y : a.x < b.x;
}

}  // namespace

double FrameStar::error_px() const {
  const double noise = snr > 0 ? fwhm_px / (kFwhmPerSigma * snr) : 1;
  return std::sqrt(kLeastError_px * kLeastError_px + noise * noise);
}

std::vector<FrameStar> choose_stars(std::vector<FrameStar> stars, int width, int height) {
  std::sort(stars.begin(), stars.end(), comes_first);
  std::array<int, kStarCells * kStarCells> in_cell{};
  std::vector<FrameStar> chosen;
  for (const FrameStar& star : stars) {
    if (static_cast<int>(chosen.size()) == kMostStars) break;
    int& count =
        in_cell[static_cast<std::size_t>(cell_of(star.y, height) * kStarCells + cell_of(star.x, width))];
    if (count == kMostStarsACell) continue;
    ++count;
    chosen.push_back(star);
  }
  return chosen;
}

}  // namespace tilecompile
