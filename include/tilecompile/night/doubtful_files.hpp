#pragma once
#include <filesystem>
#include <set>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/night/verified_files.hpp"

namespace tilecompile {

/// Of what others say that the frames' files in `folder` hold, [frame], those that cannot be true: the file
/// here is another one by its first block or the one in its middle, or another file has that SHA-256 and
/// unequal sums. Contents without a SHA-256 are not looked at, nor are files that this process cannot read.
/// Throws InputError when a file changed since its header was read.
std::set<std::size_t> doubtful_files(const std::filesystem::path& folder, const Manifest& manifest,
                                     const std::vector<FileContent>& contents, const VerifiedFiles& verified,
                                     int threads, Observer& observer);

}  // namespace tilecompile
