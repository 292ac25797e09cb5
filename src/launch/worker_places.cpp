#include "worker_places.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr int kLongestPause_s = 8;

void look_at_frames(const FrameOrigin& frames) {
  if (frames.bucket) return;
  std::error_code error;
  if (!fs::is_directory(frames.folder, error))
    throw TransientError("input.dir " + frames.folder.string() +
                         " is no folder on this host: mount it, or correct the key");
  if (fs::directory_iterator(frames.folder, error) == fs::directory_iterator() && !error)
    throw TransientError("input.dir " + frames.folder.string() +
                         " is empty: probably nothing is mounted there; mount it, or correct the key");
  if (error)
    throw TransientError("cannot look into input.dir " + frames.folder.string() + ": " + error.message() +
                         "; let this user read it");
}

void look_at_storage(const fs::path& root) {
  std::error_code error;
  if (!fs::is_directory(root, error))
    throw TransientError("storage.root " + root.string() +
                         " is no folder on this host: mount it, or correct the key");
  if (access(root.c_str(), W_OK | X_OK) != 0)
    throw TransientError("this user cannot write to storage.root " + root.string() +
                         ": let it, or mount it writable");
}

}  // namespace

WorkerPlaces open_worker_places(const WorkerConfig& config) {
  const fs::path root = config.storage.root.empty() ? "out" : config.storage.root;
  if (config.storage.type == StorageType::kFile) look_at_storage(root);
  WorkerPlaces places{open_store(config.storage, root), open_worker_frames(config)};
  if (config.storage.type == StorageType::kS3) probe_store(*places.store);
  look_at_frames(places.frames);
  return places;
}

std::optional<WorkerPlaces> await_worker_places(
    const WorkerConfig& config, const std::function<void(const std::string& why, int again_in_s)>& tell,
    const std::function<bool()>& over) {
  for (int pause_s = 1; !over(); pause_s = std::min(2 * pause_s, kLongestPause_s)) {
    try {
      return open_worker_places(config);
    } catch (const TransientError& e) {
      tell(e.what(), pause_s);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(pause_s);
    while (!over() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(50ms);
  }
  return std::nullopt;
}

}  // namespace tilecompile
