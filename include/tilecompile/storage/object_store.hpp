#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tilecompile {

/// An object as a listing names it.
struct StoredObject {
  std::string key;
  std::uint64_t size_bytes = 0;
};

/// Where tiles, manifest and frame metrics lie: named byte objects on a data plane that master and workers
/// share. Keys are relative paths with '/' ("<run_id>/tiles/tile_000123.fits"); safe from several threads.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  /// Stores `bytes` under `key`, replacing what was there. A reader sees the old object or the whole new one.
  /// When it returns the object survives a crash of the process. Throws TransientError naming the place and
  /// remedy.
  virtual void put(const std::string& key, std::string_view bytes) = 0;
  /// The object's bytes. Throws TransientError when it is not there (it may not be visible yet) or
  /// unreadable.
  virtual std::string get(const std::string& key) = 0;
  virtual bool exists(const std::string& key) = 0;
  /// Removes the object; a missing one is not an error.
  virtual void remove(const std::string& key) = 0;
  /// All objects whose key begins with "<folder>/", in ascending order of their keys; none for a folder that
  /// is not there. Links are not followed and not named.
  virtual std::vector<StoredObject> list(const std::string& folder) = 0;
  /// Human name of the place for logs ("file store /data/out").
  virtual std::string describe() const = 0;
};

/// Store on a shared file system. Keys that are absolute, hold "..", NUL or an empty component, or pass
/// through a symbolic link below `root` are refused with InputError. Temporary names start with ".tmp-" and
/// are swept by age; keys with such a component are refused. `root` must exist: a missing one is a mount that
/// is not there (TransientError at the first use), never something to create.
std::unique_ptr<ObjectStore> open_file_store(const std::filesystem::path& root);

/// Removes temporary files below `root` that were last written more than `age_s` seconds ago: left by a crash
/// in the middle of a put. Returns how many; what cannot be removed is left.
std::size_t sweep_temporary_files(const std::filesystem::path& root, double age_s);

/// Throws InputError unless `key` is a relative path of plain components.
void check_object_key(const std::string& key);

}  // namespace tilecompile
