#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/frame/calibration.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// What raw frames of a run are read with: where they lie on the output, and their masters in memory.
struct RawNight {
  Registration registration;
  std::vector<std::shared_ptr<const CalibrationMasters>> masters;  ///< of Registration::calibrations

  /// Throws InputError for a frame that was not registered.
  const RegisteredFrame& frame(const std::string& path) const;
  /// None: the frame is not calibrated.
  const CalibrationMasters* masters_of(const RegisteredFrame& frame) const;
};

/// A master, checked by its checksum; an empty plane where the object has no key.
Plane<float> load_master(ObjectStore& store, const MasterObject& object, const char* what);
/// The masters of a group, likewise.
std::shared_ptr<const CalibrationMasters> load_masters(ObjectStore& store, const CalibrationObjects& masters);

/// Fetches registration.json and the masters that it names; null for a manifest without registration. Throws
/// InputError where a checksum differs, and what the storage throws.
std::shared_ptr<const RawNight> fetch_raw_night(ObjectStore& store, const std::string& run_id,
                                                const Manifest& manifest);

/// A box of a raw frame, calibrated: its samples, the sensor's pattern of colours still in them.
Plane<float> calibrated_box(FrameReader& raw, const CalibrationMasters* masters, const Box& box);

/// The whole raw frame, calibrated, on which its stars are found: of a colour sensor (`cfa_pattern` not
/// empty) the interpolated green.
Plane<float> calibrated_frame(FrameReader& raw, const CalibrationMasters* masters,
                              const std::string& cfa_pattern);

}  // namespace tilecompile
