#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/header/calibration_rules.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/verified_files.hpp"

namespace tilecompile {

/// Frames of one kind as the configuration names them.
struct CalibrationFrames {
  FrameKind kind = FrameKind::kDark;
  std::string key;               ///< "calibration.darks_dir"
  std::filesystem::path folder;  ///< the paths of `frames` are relative to it
  Manifest frames;
  bool is_master = false;  ///< one file that is a master already
};

/// What reads and checks calibration frames.
struct CalibrationReader {
  std::string cfa_pattern;  ///< data.cfa_pattern
  std::string name_pattern;
  std::shared_ptr<VerifiedFiles> verified;  ///< notes the frames that were hashed
  int threads = 1;
  Observer& observer = nobody();

  /// The FITS files of a folder, hashed, that match the pattern. Throws UsageError when the folder is not
  /// there, InputError when there is none or one cannot be read.
  CalibrationFrames folder_of(FrameKind kind, const std::string& key,
                              const std::filesystem::path& folder) const;
  /// One file.
  CalibrationFrames master_of(FrameKind kind, const std::string& key,
                              const std::filesystem::path& file) const;
  /// Throws InputError that names the frames which do not fit `others` (lights or flats).
  void require_fit(const CalibrationFrames& found, const Manifest& others) const;
};

}  // namespace tilecompile
