#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tilecompile {

/// Names of files that are still being written start with this; they are never anyone's product.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

/// Writes a whole file: temporary name in the same folder, fsync, rename, fsync of the folder. A reader sees
/// the old file or the whole new one. Throws TransientError naming path, cause and remedy.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The same for the name `name` in the open folder `folder_fd`; `shown` is the path that messages name.
void write_file_atomically_at(int folder_fd, const std::string& name, std::string_view bytes,
                              const std::filesystem::path& shown);

/// Gives `from` the second name `to` (a hard link), or makes a copy where the file system has no second
/// names; what was there is replaced. A reader sees the old file or the new one. Throws TransientError.
void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to);

/// A file that is written in pieces and appears whole, by the same steps. One that is not kept is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write_at(std::uint64_t offset, std::string_view bytes);
  /// What was written there; throws TransientError when there is less.
  void read_at(std::uint64_t offset, char* bytes, std::size_t size) const;
  /// Syncs the file and gives it its name. Once, as the last call.
  void keep();

 private:
  [[noreturn]] void fail(int error) const;
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
};

/// "<action> <path> failed: <cause>; <remedy>" for an errno of a file operation.
std::string file_error_text(const std::string& action, const std::filesystem::path& path, int error);

}  // namespace tilecompile
