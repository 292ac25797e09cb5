#include "trust_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/dispatch/audit_key.hpp"
#include "tilecompile/dispatch/distrust.hpp"

namespace tilecompile {
namespace {

constexpr const char *kSentFile = "sent_tasks.txt", *kDistrustedFile = "distrusted.txt",
                     *kKeyFile = "audit.key";
constexpr std::size_t kKeyDigits = 64;

}  // namespace

void note_sent(const RunDirectory& directory, const std::vector<TileTask>& tasks, const TileLedger& ledger) {
  std::ofstream file(directory.path() / kSentFile, std::ios::app | std::ios::binary);
  for (const TileTask& task : tasks) {
    file << task.correlation_id << ' ' << ledger.tile(task.tiles.front().tile_id).attempt;
    for (const TaskTile& tile : task.tiles) file << ' ' << tile.tile_id;
    file << '\n';
  }
}

void read_sent(const RunDirectory& directory, TileLedger& ledger) {
  std::ifstream file(directory.path() / kSentFile, std::ios::binary);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    std::istringstream words(line);
    std::string id;
    int attempt = 0;
    std::vector<int> tiles;
    words >> id >> attempt;
    for (int tile = 0; words >> tile;) tiles.push_back(tile);
    if (is_uuid(id) && attempt > 0) ledger.tasks().remember(id, attempt, tiles);
  }
}

void note_distrusted(RunDirectory& directory, const std::string& worker_id, const std::string& why,
                     std::size_t tiles) {
  const std::string again = std::to_string(tiles);
  log_error("worker " + worker_id + " gave wrong results and gets no more tasks: " + why +
                "; look after memory, processor and version of its host, and frames of its own",
            {{"worker_id", worker_id}, {"tiles_computed_again", again}});
  directory.append_event("worker_distrusted",
                         {{"worker_id", worker_id}, {"why", why}, {"tiles_computed_again", again}});
  std::string line = worker_id + ' ' + why;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::ofstream(directory.path() / kDistrustedFile, std::ios::app | std::ios::binary) << line << '\n';
}

void read_distrusted(const RunDirectory& directory, TrustBook& workers) {
  std::ifstream file(directory.path() / kDistrustedFile, std::ios::binary);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos && blank > 0)
      workers.distrust(line.substr(0, blank), line.substr(blank + 1));
  }
}

std::string audit_key(const RunDirectory& directory) {
  const auto path = directory.path() / kKeyFile;
  std::string key;
  std::getline(std::ifstream(path, std::ios::binary), key);
  if (key.size() == kKeyDigits) return key;
  std::random_device random;
  key.clear();
  for (std::size_t i = 0; i < kKeyDigits; ++i) key += "0123456789abcdef"[random() % 16];
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, key.data(), key.size()) == static_cast<ssize_t>(key.size());
  const int error = errno;
  if (file >= 0) ::close(file);
  if (!written)
    throw TransientError("cannot write " + path.string() + ": " + std::strerror(error) +
                         "; check output.dir, its permissions and free space");
  return key;
}

}  // namespace tilecompile
