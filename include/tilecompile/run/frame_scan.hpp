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

/// Reads header facts and hashes the content of every frame; with a cache, fills it. All unreadable frames
/// are named in one InputError. `progress(done)` is called from any thread.
Manifest build_manifest(const FrameOrigin& origin, const std::vector<std::string>& paths, int threads,
                        VerifiedFiles& verified, const std::function<void(int)>& progress);

}  // namespace tilecompile
