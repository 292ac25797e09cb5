#include "calibration_frames.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <memory>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

ManifestEntry described(const FrameOrigin& origin, const std::string& path, VerifiedFiles& verified) {
  ManifestEntry entry;
  entry.path = path;
  entry.facts = FrameReader(origin.folder / path, ZeroIsNodata::kNever).facts();
  const auto [file, sha256] = fetch_new_frame(origin, path, verified);
  entry.sha256 = sha256;
  entry.size_bytes = fs::file_size(file.path);
  return entry;
}

Manifest described_all(const fs::path& folder, const std::vector<std::string>& paths, int threads,
                       VerifiedFiles& verified, Observer& observer) {
  const FrameOrigin origin(folder);
  Manifest manifest;
  manifest.frames.resize(paths.size());
  parallel_for(static_cast<int>(paths.size()), threads, [&](int i) {
    observer.check_stop();
    const auto index = static_cast<std::size_t>(i);
    manifest.frames[index] = described(origin, paths[index], verified);
  });
  return manifest;
}

std::string plural(FrameKind kind) {
  return std::string(name_of(kind)) + (kind == FrameKind::kBias ? "es" : "s");
}

}  // namespace

CalibrationFrames CalibrationReader::folder_of(FrameKind kind, const std::string& key,
                                               const fs::path& folder) const {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw UsageError(key + " " + folder.string() + " is not a folder: correct the key, or mount the folder");
  std::vector<std::string> paths = list_frames(folder, "").paths;
  if (!name_pattern.empty())
    std::erase_if(paths, [&](const std::string& path) {
      return fnmatch(name_pattern.c_str(), fs::path(path).filename().c_str(), 0) != 0;
    });
  if (paths.empty())
    throw InputError("no frame in " + folder.string() + " (" + key +
                     ") has a name that matches calibration.pattern '" + name_pattern +
                     "': correct one of them");
  return {kind, key, folder, described_all(folder, paths, threads, *verified, observer), false};
}

CalibrationFrames CalibrationReader::master_of(FrameKind kind, const std::string& key,
                                               const fs::path& file) const {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    throw UsageError(key + " " + file.string() + " is not a file: name a master " + name_of(kind));
  return {kind, key, file.parent_path(),
          described_all(file.parent_path(), {file.filename().string()}, 1, *verified, observer), true};
}

void CalibrationReader::require_fit(const CalibrationFrames& found, const Manifest& others) const {
  const std::string wrong = misfits(found.kind, found.frames, others, cfa_pattern);
  if (wrong.empty()) return;
  throw InputError(
      "calibration: " + plural(found.kind) + " of " + found.folder.string() + " (" + found.key +
      ") do not fit:" + wrong +
      "\ntake them out, or name frames that were taken with the same camera settings; size, binning, "
      "colour filters, gain and offset must agree where headers state them");
}

}  // namespace tilecompile
