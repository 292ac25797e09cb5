#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "tilecompile/frame/manifest.hpp"
#include "tilecompile/run/frame_source.hpp"

namespace tilecompile {

/// Files of the frames below `dir`: names that match `pattern` (a shell glob), or every FITS name (.fit .fits
/// .fts, also with .fz or .gz) for an empty pattern; in natural order of their relative path. Run
/// directories are left out. Throws UsageError for an empty `dir`, InputError when there is no frame.
std::vector<std::string> list_frames(const std::filesystem::path& dir, const std::string& pattern);

/// Reads header facts and hashes the content of every frame. All unreadable frames are named in one
/// InputError. `progress(done)` is called from any thread.
Manifest build_manifest(const std::filesystem::path& dir, const std::vector<std::string>& paths, int threads,
                        VerifiedFiles& verified, const std::function<void(int)>& progress);

}  // namespace tilecompile
