#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "tilecompile/frame/manifest.hpp"
#include "tilecompile/run/frame_source.hpp"

namespace tilecompile {

/// Paths of the frames below `origin`: names that match `pattern` (a shell glob), or every FITS name (.fit
/// .fits .fts, also with .fz or .gz) for an empty pattern; in natural order of their relative path. Run
/// directories are left out. Throws UsageError for an empty folder, InputError when there is no frame, and
/// what the bucket throws.
std::vector<std::string> list_frames(const FrameOrigin& origin, const std::string& pattern);

/// The frames that were found: those that can be used as far as headers tell, and the others with reasons.
struct ScannedFrames {
  Manifest manifest;
  std::vector<BadFrame> bad;
};

/// Reads header facts and hashes the content of every frame; with a cache, fills it. What cannot be read is a
/// bad frame, and so is what odd_frames names. `progress(done)` is called from any thread.
ScannedFrames scan_frames(const FrameOrigin& origin, const std::vector<std::string>& paths, int threads,
                          const DataParams& data, VerifiedFiles& verified,
                          const std::function<void(int)>& progress);

/// Throws the InputError that names all bad frames among `all`.
[[noreturn]] void refuse_frames(const std::vector<BadFrame>& bad, std::size_t all);

/// Throws the InputError that names all bad frames when they are more than `share` of `all`.
void check_bad_share(const std::vector<BadFrame>& bad, std::size_t all, double share);

}  // namespace tilecompile
