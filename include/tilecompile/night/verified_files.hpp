#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// What is known of a file's bytes.
struct FileContent {
  std::string sha256;
  FileSums sums;
};

/// Remembers which files were already found to hold the bytes a manifest promises, by identity and time of
/// the file, so that each is hashed once a process. Of files whose sums by blocks are known only what is read
/// is looked at, as it is read, once a process. Headers are kept too. Safe from several threads.
class VerifiedFiles {
 public:
  /// Throws InputError when the file's size or content is another than the manifest's, TransientError when it
  /// is missing.
  void verify(const std::filesystem::path& path, const ManifestEntry& entry);
  /// Opens frame `entry`, which lies at `path`, after a look at its size; what is read of it is looked at
  /// then. Where no sums are known, the whole file is verified at once. Throws the same, then and later.
  FrameReader open(const std::filesystem::path& path, const ManifestEntry& entry, ZeroIsNodata zeros);
  /// Opens a file that is known to be sound, or not yet to be of any content; its header is read once a
  /// process.
  FrameReader open(const std::filesystem::path& path, ZeroIsNodata zeros);
  /// Opens frame `entry` for its first read: its SHA-256 is taken of what is read in order from the first
  /// sample on. Throws InputError when nobody knows it and the file is not the one whose header was read.
  FrameReader open_first(const std::filesystem::path& path, const ManifestEntry& entry, ZeroIsNodata zeros);
  /// Ends the first read of such a frame: its SHA-256 and sums are known from here on. Throws InputError when
  /// the file is not the one that was opened, or not the manifest's, TransientError when its rest cannot be
  /// read.
  void end_first(const std::filesystem::path& path, const ManifestEntry& entry);
  /// Throws InputError when the file is not the one any more whose header was read, TransientError when it is
  /// gone.
  void check_unchanged(const std::filesystem::path& path) const;
  /// What ended so, or was hashed otherwise. Throws InputError when the file is another one since.
  std::string known_sha256(const std::filesystem::path& path) const;
  /// SHA-256 of a file, noted with its sums; what was not hashed yet is read. Throws TransientError when it
  /// cannot be read.
  std::string sha256_of(const std::filesystem::path& path);
  /// Notes a file whose hash was just taken.
  void remember(const std::filesystem::path& path, const std::string& sha256);

  /// The same with its sums, of a frame whose SHA-256 nobody knows, by what the file holds now. Throws
  /// TransientError when it is missing, InputError when it has another size or cannot be read.
  FileContent content_of(const std::filesystem::path& path, const ManifestEntry& entry);
  /// Notes the sums of the file that has this SHA-256, in place of others.
  void learn(const std::string& sha256, FileSums sums);
  /// Those of a frame; nothing where they are not known, or not of a file of its size.
  std::shared_ptr<const FileSums> sums_of(const ManifestEntry& entry) const;

 private:
  struct File {
    std::string sha256;      ///< found to be all of its content; empty: not yet
    std::vector<bool> seen;  ///< [block] found to be as promised
    std::shared_ptr<const FrameHead> head;
    std::shared_ptr<FileHash> begun;  ///< by who reads it for the first time
  };
  class BySums;
  class FirstRead;
  bool holds(const std::string& identity, const std::string& sha256) const;
  std::string hash(const std::filesystem::path& path, const std::string& identity);
  FrameReader open(const std::filesystem::path& path, const std::string& identity, ZeroIsNodata zeros,
                   std::unique_ptr<FrameGuard> guard);

  mutable std::mutex mutex_;
  std::map<std::string, File> files_;                            // by identity
  std::map<std::string, std::shared_ptr<const FileSums>> sums_;  // by SHA-256
};

/// Whether the first block of a file and the one in its middle are as the sums say, which those of another
/// frame or another export of it are not. Throws InputError when the file is shorter, TransientError when it
/// cannot be read.
bool looks_like(const std::filesystem::path& path, const FileSums& sums);

}  // namespace tilecompile
