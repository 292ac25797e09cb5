#include "tilecompile/frame/shared_sky.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace tilecompile {
namespace {

constexpr double kTolerancePx = 2;  // plate solutions of one image agree within a pixel
constexpr std::size_t kMostNames = 10;

double chord(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < 3; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

// The first frame that states coordinates; nullptr when none does.
const ManifestEntry* first_with_sky(const Manifest& manifest) {
  for (const ManifestEntry& f : manifest.frames)
    if (!f.facts.sky_place.empty()) return &f;
  return nullptr;
}

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) text += (i > 0 ? ", " : "") + names[i];
  return names.size() > kMostNames ? text + " and " + std::to_string(names.size() - kMostNames) + " more"
                                   : text;
}

void warn_of_several_images(const Manifest& manifest, std::vector<std::string>& warnings) {
  std::vector<std::string> names;
  const ManifestEntry* first = nullptr;
  for (const ManifestEntry& f : manifest.frames) {
    if (f.facts.images.empty()) continue;
    names.push_back(f.path);
    if (first == nullptr) first = &f;
  }
  if (first == nullptr) return;
  const std::vector<std::string>& images = first->facts.images;
  warnings.push_back("files with several images, of which only the first is used: in " + first->path + " " +
                     images.front() + " is taken, " + some_of({images.begin() + 1, images.end()}) +
                     " left; " + std::to_string(names.size()) +
                     (names.size() == 1 ? " such file: " : " such files: ") + some_of(names));
}

void warn_of_other_skies(const Manifest& manifest, std::vector<std::string>& warnings) {
  const ManifestEntry* first = first_with_sky(manifest);
  if (first == nullptr) return;
  std::vector<std::string> names;
  double most = 0;
  for (const ManifestEntry& f : manifest.frames) {
    if (f.facts.sky_place.empty()) continue;
    const double distance =
        sky_distance_px(first->facts.sky_place, f.facts.sky_place, manifest.width(), manifest.height());
    if (distance <= kTolerancePx) continue;
    names.push_back(f.path);
    most = std::max(most, distance);
  }
  if (names.empty()) return;
  char px[40];
  std::snprintf(px, sizeof px, "%.1f", most);
  warnings.push_back(
      "the coordinates (WCS) of " + std::to_string(names.size()) +
      (names.size() == 1 ? " frame" : " frames") + " differ from those of " + first->path + " by up to " +
      px + " px, so the products carry none: are the frames registered? Solve the picture instead (" +
      some_of(names) + ")");
}

}  // namespace

double sky_distance_px(const SkyPlace& a, const SkyPlace& b, int width, int height) {
  constexpr double kNowhere = std::numeric_limits<double>::infinity();
  if (a.empty() || a.size() != b.size()) return kNowhere;
  const double diagonal_px = std::sqrt(1.0 * (width - 1) * (width - 1) + 1.0 * (height - 1) * (height - 1));
  const double radians_per_px = chord(a.front(), a.back()) / diagonal_px;
  if (!(radians_per_px > 0)) return kNowhere;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, chord(a[i], b[i]) / radians_per_px);
  return most;
}

bool one_sky(const Manifest& manifest) {
  const ManifestEntry* first = first_with_sky(manifest);
  return first == nullptr || std::all_of(manifest.frames.begin(), manifest.frames.end(), [&](const auto& f) {
           return f.facts.sky_place.empty() ||
                  sky_distance_px(first->facts.sky_place, f.facts.sky_place, manifest.width(),
                                  manifest.height()) <= kTolerancePx;
         });
}

std::vector<std::string> file_warnings(const Manifest& manifest) {
  std::vector<std::string> warnings;
  warn_of_several_images(manifest, warnings);
  warn_of_other_skies(manifest, warnings);
  return warnings;
}

}  // namespace tilecompile
