#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/base/file_sums.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// Remembers which files were already found to hold the bytes a manifest promises, by identity and time of
/// the file, so that each is hashed once a process. Of files whose sums by blocks are known only what is read
/// is looked at, once a process. Safe from several threads.
class VerifiedFiles {
 public:
  /// Throws InputError when the file's size or content is another than the manifest's, TransientError when it
  /// is missing.
  void verify(const std::filesystem::path& path, const ManifestEntry& entry);
  /// Checks the size and returns what looks at the rest as it is read; where no sums are known, the whole
  /// file is verified at once. Empty: nothing is left to be looked at. Throws the same, then and later.
  FrameReader::Guard guard(const std::filesystem::path& path, const ManifestEntry& entry);
  /// Notes a file whose hash was just taken.
  void remember(const std::filesystem::path& path, const std::string& sha256);

  /// Notes the sums of the file that has this SHA-256.
  void learn(const std::string& sha256, FileSums sums);
  /// Those of a frame; nothing where they are not known, or not of a file of its size.
  std::shared_ptr<const FileSums> sums_of(const ManifestEntry& entry) const;

 private:
  struct File {
    std::string sha256;      ///< found to be all of its content; empty: not yet
    std::vector<bool> seen;  ///< [block] found to be as promised
  };
  struct Promised {
    std::filesystem::path path;
    std::string identity, sha256;
    std::shared_ptr<const FileSums> sums;
  };
  void look(const Promised& file, std::uint64_t begin, std::uint64_t end);

  mutable std::mutex mutex_;
  std::map<std::string, File> files_;                            // by identity
  std::map<std::string, std::shared_ptr<const FileSums>> sums_;  // by SHA-256
};

/// The sums of all frames as an object, in the order of the manifest; empty when those of a frame are not
/// known, as of one that was read from a cache.
std::string encode_frame_sums(const Manifest& manifest, const VerifiedFiles& files);
/// The inverse: lets `files` know them. Throws InputError for an object that is not of such frames.
void learn_frame_sums(std::string_view bytes, const Manifest& manifest, VerifiedFiles& files);

}  // namespace tilecompile
