#include "tilecompile/passes/raw_sample.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/passes/placed_night.hpp"
#include "tilecompile/passes/registration_pass.hpp"

namespace tilecompile {
namespace {

double saturation_of(const RunConfig& config, const FrameFacts& facts) {
  if (config.method.data.saturation > 0) return config.method.data.saturation;
  constexpr double kSaturatedShare = 0.95;
  return facts.largest_code > 0 ? kSaturatedShare * facts.largest_code
                                : std::numeric_limits<double>::infinity();
}

}  // namespace

Manifest spread_frames(const Manifest& all, int wanted) {
  Manifest few;
  const std::size_t frames = all.frames.size(), count = std::min<std::size_t>(wanted, frames);
  for (std::size_t i = 0; i < count; ++i)
    few.frames.push_back(all.frames[(2 * i + 1) * frames / (2 * count)]);
  return few;
}

RawSample register_sample(const RunConfig& config, const FrameOrigin& origin, const Manifest& few,
                          const std::shared_ptr<VerifiedFiles>& verified, int frames, int threads) {
  const auto stored = std::make_shared<Manifest>(few);
  const FrameSource source(origin, stored, ZeroIsNodata::kNever, verified);
  const RegistrationConfig& how = config.registration;
  const FrameFacts& first = few.frames.front().facts;
  const StarFinding finding{stored_cfa(first, how.cfa_pattern), saturation_of(config, first)};
  const NightFits fits = register_night(find_night_stars(source, finding, threads), -1,
                                        {model_from_name(how.transform), how.min_star_matches}, threads);
  RawSample sample;
  Manifest used;
  for (std::size_t f = 0; f < few.frames.size(); ++f) {
    const ManifestEntry& entry = few.frames[f];
    if (!fits.fits[f].transform) {
      sample.not_registered.push_back(
          {entry.path, fits.fits[f].problem.empty() ? "it shows no stars" : fits.fits[f].problem});
      continue;
    }
    used.frames.push_back(entry);
  }
  if (used.frames.size() < 2)
    throw InputError(
        "of a sample of " + std::to_string(few.frames.size()) +
        " raw frames fewer than two can be registered to each other, so nothing can be planned:" +
        listed(sample.not_registered));
  CalibrationPlan uncalibrated;
  uncalibrated.cfa = finding.cfa_pattern;
  PlacedNight placed = place_night(config, few, fits, uncalibrated);
  auto night = std::make_shared<RawNight>();
  night->registration = std::move(placed.registration);
  Registration& r = night->registration;
  if (how.debayer == "drizzle")  // whether the frames suffice is told when all are known
    r.drop_px = how.drop_fraction;
  else
    sample.drizzle = choose_drizzle(config, r, placed.placed, frames);
  sample.registration_json = encode_registration(r);
  used.registration = sha256_hex(sample.registration_json);
  for (ManifestEntry& entry : used.frames) entry.facts = facts_as_read(entry.facts, r);
  sample.manifest = std::make_shared<Manifest>(std::move(used));
  sample.night = std::move(night);
  return sample;
}

RawCosts raw_costs(const RunConfig& config, const Manifest& manifest, std::uint64_t frame_bytes) {
  RawCosts costs;
  if (!calibrates(config)) return costs;
  constexpr std::uint64_t kPlanesOfStarFinding = 4;  // calibrated, green, the finder's copy and its mask
  constexpr std::uint64_t kPlacesOfMasters = 2;
  const CalibrationConfig& c = config.calibration;
  const FrameFacts& facts = manifest.frames.front().facts;
  const std::uint64_t raw_plane =
      sizeof(float) * static_cast<std::uint64_t>(facts.width) * static_cast<std::uint64_t>(facts.height);
  const std::pair<bool, std::string> folders[] = {{c.use_bias && !c.bias_use_master, c.bias_dir},
                                                  {c.use_dark && !c.dark_use_master, c.darks_dir},
                                                  {c.use_flat && !c.flat_use_master, c.flats_dir}};
  for (const auto& [used, folder] : folders) {
    if (!used) continue;
    for (const std::string& path : list_frames(FrameOrigin(folder), "").paths)
      costs.calibration_bytes += std::filesystem::file_size(std::filesystem::path(folder) / path);
    costs.masters_disk_bytes += kPlacesOfMasters * raw_plane;
  }
  if (c.use_dark) costs.masters_disk_bytes += raw_plane;  // once more with its defects left out
  costs.masters_bytes = raw_plane * ((c.use_dark || c.use_bias ? 1 : 0) + (c.use_flat ? 1 : 0));
  costs.star_finding_bytes = kPlanesOfStarFinding * raw_plane;
  const std::uint64_t all = manifest.frames.size() * frame_bytes;
  costs.kept_bytes = std::min<std::uint64_t>(kept_memory_bytes(config.parallel), all);
  costs.unkept = 1 - static_cast<double>(costs.kept_bytes) / static_cast<double>(all);
  return costs;
}

}  // namespace tilecompile
