#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/passes/drizzle_choice.hpp"

namespace tilecompile {

/// At most `wanted` frames of a manifest, spread over it.
Manifest spread_frames(const Manifest& all, int wanted);

/// A few raw frames of a night, registered among themselves, for whoever asks what a run of all would take.
struct RawSample {
  std::shared_ptr<Manifest> manifest;  ///< of those that could be registered, as they are read
  std::shared_ptr<const RawNight> night;
  std::string registration_json;         ///< of `night`
  std::vector<BadFrame> not_registered;  ///< with why
  DrizzleChoice drizzle;  ///< of `registration.debayer` interpolate and auto, as far as these frames tell
};

/// Registers the frames of `few` without calibrating them, and says how they are read: size, channels and
/// `registration.framing` as in the run of so many `frames`, as far as these tell. Writes nothing. Throws
/// InputError when fewer than two of them can be registered.
RawSample register_sample(const RunConfig& config, const FrameOrigin& origin, const Manifest& few,
                          const std::shared_ptr<VerifiedFiles>& verified, int frames, int threads);

/// What raw frames that the program registers itself take beside others; all 0 with others.
struct RawCosts {
  std::uint64_t calibration_bytes = 0;   ///< of the files that masters are made of
  std::uint64_t masters_bytes = 0;       ///< in memory: what lights are calibrated with
  std::uint64_t masters_disk_bytes = 0;  ///< in the run directory and in the storage
  std::uint64_t kept_bytes = 0;          ///< resampled frames in memory
  std::uint64_t star_finding_bytes = 0;  ///< a thread, while stars are found
  double unkept = 1;                     ///< share of the frames that later passes read again
};
/// Of the frames of `manifest`, as they are stored, each of which takes `frame_bytes` when it is resampled.
/// Throws what listing the folders of calibration frames throws.
RawCosts raw_costs(const RunConfig& config, const Manifest& manifest, std::uint64_t frame_bytes);

}  // namespace tilecompile
