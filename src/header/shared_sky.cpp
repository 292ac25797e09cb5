#include "tilecompile/header/shared_sky.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kTolerancePx = 2;  // plate solutions of one image agree within a pixel
constexpr std::size_t kMiddle = 1;  // of the three points of a place

double chord(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < 3; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

// Of the frames that state coordinates the one nearest to the middle of all, by the median of each component,
// the earlier one of equals; nullptr when none states any. One frame of another field is not the measure.
const ManifestEntry* middle_frame(const Manifest& manifest) {
  std::array<std::vector<double>, 3> parts;
  for (const ManifestEntry& f : manifest.frames)
    if (!f.facts.sky_place.empty())
      for (std::size_t i = 0; i < 3; ++i) parts[i].push_back(f.facts.sky_place[kMiddle][i]);
  if (parts[0].empty()) return nullptr;
  const std::array<double, 3> middle = {median(parts[0]), median(parts[1]), median(parts[2])};
  const ManifestEntry* nearest = nullptr;
  for (const ManifestEntry& f : manifest.frames)
    if (!f.facts.sky_place.empty() &&
        (nearest == nullptr ||
         chord(f.facts.sky_place[kMiddle], middle) < chord(nearest->facts.sky_place[kMiddle], middle)))
      nearest = &f;
  return nearest;
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
                     images.front() + " is taken, " + some_names({images.begin() + 1, images.end()}) +
                     " left; " + std::to_string(names.size()) +
                     (names.size() == 1 ? " such file: " : " such files: ") + some_names(names));
}

void warn_of_other_skies(const Manifest& manifest, std::vector<std::string>& warnings) {
  const ManifestEntry* usual = middle_frame(manifest);
  if (usual == nullptr) return;
  std::vector<std::string> names;
  double most = 0;
  for (const ManifestEntry& f : manifest.frames) {
    if (f.facts.sky_place.empty()) continue;
    const double distance =
        sky_distance_px(usual->facts.sky_place, f.facts.sky_place, manifest.width(), manifest.height());
    if (distance <= kTolerancePx) continue;
    names.push_back(f.path);
    most = std::max(most, distance);
  }
  if (names.empty()) return;
  char px[40];
  std::snprintf(px, sizeof px, "%.1f", most);
  const bool apart = most > std::max(manifest.width(), manifest.height());
  warnings.push_back("the coordinates (WCS) of " + std::to_string(names.size()) +
                     (names.size() == 1 ? " frame differs" : " frames differ") + " from those of " +
                     usual->path + " by up to " + px + " px" +
                     (apart ? ", more than the image is wide" : "") + ", so the products carry none: " +
                     (apart ? "another field, or not registered?" : "are the frames registered?") +
                     " Solve the picture instead (" + some_names(names) + ")");
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
  const ManifestEntry* usual = middle_frame(manifest);
  return usual == nullptr || std::all_of(manifest.frames.begin(), manifest.frames.end(), [&](const auto& f) {
           return f.facts.sky_place.empty() ||
                  sky_distance_px(usual->facts.sky_place, f.facts.sky_place, manifest.width(),
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
