#include "tilecompile/passes/placed_night.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr int kSmallestSide_px = 16;

void check_size(const OutputGrid& grid, const std::string& framing) {
  if (grid.width < kSmallestSide_px || grid.height < kSmallestSide_px)
    throw InputError(
        "registration.framing: intersection leaves " + std::to_string(grid.width) + " x " +
        std::to_string(grid.height) +
        " px that all frames show; set registration.framing: reference, or take out the frames that "
        "lie apart (registration.csv)");
  if (grid.width > kLargestSide_px || grid.height > kLargestSide_px)
    throw InputError("registration.framing: " + framing + " gives a picture with a side of more than " +
                     std::to_string(kLargestSide_px) +
                     " px; set registration.framing: reference, or take out the frames that lie apart "
                     "(registration.csv)");
}

// Every kOneOf-th sample of a plane that is a number, in ascending order.
std::vector<float> some_samples(const Plane<float>& plane) {
  constexpr std::size_t kOneOf = 61;
  std::vector<float> some;
  for (std::size_t i = 0; i < plane.size(); i += kOneOf)
    if (std::isfinite(plane.samples()[i])) some.push_back(plane.samples()[i]);
  std::sort(some.begin(), some.end());
  return some;
}

}  // namespace

PlacedNight place_night(const RunConfig& config, const Manifest& manifest, const NightFits& fits,
                        const CalibrationPlan& calibration) {
  PlacedNight night;
  Registration& r = night.registration;
  r.cfa_pattern = calibration.cfa;
  r.calibrations = calibration.groups;
  const ManifestEntry& reference = manifest.frames[static_cast<std::size_t>(fits.reference)];
  r.reference = reference.path;
  for (std::size_t f = 0; f < manifest.frames.size(); ++f) {
    if (!fits.fits[f].transform) continue;
    const FrameFacts& facts = manifest.frames[f].facts;
    const int group = calibration.groups.empty() ? -1 : calibration.group_of_frame[f];
    r.frames.push_back({manifest.frames[f].path, facts.width, facts.height, *fits.fits[f].transform, group});
    night.placed.push_back({*fits.fits[f].transform, facts.width, facts.height});
  }
  const RegistrationConfig& how = config.registration;
  r.grid = output_grid(night.placed, reference.facts.width, reference.facts.height,
                       framing_from_name(how.framing), how.output_scale);
  check_size(r.grid, how.framing);
  return night;
}

double calibrated_saturation(double saturation,
                             const std::vector<std::shared_ptr<const CalibrationMasters>>& masters) {
  double level = saturation;
  for (const auto& group : masters) {
    if (!group) continue;
    const std::vector<float> dark = some_samples(group->dark), flat = some_samples(group->flat);
    const double offset = dark.empty() ? 0 : dark[dark.size() / 2];
    const double most = flat.empty() ? 1 : flat[flat.size() * 99 / 100];
    if (most > 0) level = std::min(level, (saturation - offset) / most);
  }
  if (!(level > 0))
    throw InputError(
        "data.saturation = " + std::to_string(saturation) +
        " lies below the level of the master dark, so every pixel would count as saturated; give "
        "the level in the units of the raw frames, or leave the key away");
  return level;
}

}  // namespace tilecompile
