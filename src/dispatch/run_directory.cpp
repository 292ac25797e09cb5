#include "tilecompile/dispatch/run_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/journal.hpp"

namespace tilecompile {
namespace {

constexpr int kLockTurns = 20;
constexpr std::size_t kMostKeptEvents = 500;

// All of the line or nothing: half a line would spoil the next one.
void append_line(int file, const std::filesystem::path& path, std::string line, bool sync) {
  line += '\n';
  const off_t begin = ::lseek(file, 0, SEEK_END);
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t n = ::write(file, line.data() + written, line.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      if (begin >= 0 && ::ftruncate(file, begin) != 0) ::lseek(file, 0, SEEK_END);
      throw TransientError("cannot append to " + path.string() + ": " + std::strerror(error) +
                           "; free space or repair the folder");
    }
    written += static_cast<std::size_t>(n);
  }
  if (sync && ::fdatasync(file) != 0 && errno != EINVAL)
    throw TransientError("cannot sync " + path.string() + ": " + std::strerror(errno));
}

}  // namespace

RunDirectory::RunDirectory(const std::filesystem::path& output_dir, const std::string& run_id)
    : path_(output_dir / run_id), run_id_(run_id) {
  std::error_code error;
  std::filesystem::create_directories(path_ / "tiles", error);
  if (error)
    throw TransientError("cannot create the run directory " + path_.string() + ": " + error.message() +
                         "; check output.dir, its permissions and free space");
  try {
    lock();
    journal_ = open_log("journal.jsonl");
    events_ = open_log("events.jsonl");
  } catch (...) {
    close_all();
    throw;
  }
}

void RunDirectory::lock() {
  lock_ = open_log("run.lock");
  // `status` takes the lock for a moment to see whether a master holds it, so a taken lock is tried again.
  for (int turn = 0; turn < kLockTurns;) {
    if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
    if (errno == EINTR) continue;
    // Some network file systems have no locks. There the results queue, which takes one consumer, keeps a
    // second master out.
    if (errno != EWOULDBLOCK) return;
    ++turn;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw UsageError("another master works on run " + run_id_ + " in " + path_.string() +
                   ": wait for it, or stop it first");
}

void RunDirectory::close_all() {
  for (int* file : {&journal_, &frames_, &events_, &lock_})
    if (*file >= 0) ::close(std::exchange(*file, -1));
}

RunDirectory::~RunDirectory() { close_all(); }

int RunDirectory::open_log(const char* name) const {
  const int file = ::open((path_ / name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) throw TransientError("cannot open " + (path_ / name).string() + ": " + std::strerror(errno));
  return file;
}

void RunDirectory::point_latest() const {
  namespace fs = std::filesystem;
  const fs::path latest = path_.parent_path() / "latest", anew = path_.parent_path() / (".latest-" + run_id_);
  std::error_code error;
  if (fs::exists(fs::symlink_status(latest, error)) && !fs::is_symlink(latest, error)) return;
  fs::remove(anew, error);
  fs::create_directory_symlink(run_id_, anew, error);
  if (!error) fs::rename(anew, latest, error);
}

void RunDirectory::write(const std::string& name, std::string_view bytes) const {
  write_file_atomically(path_ / name, bytes);
}

void RunDirectory::append_journal(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const std::string why = gone(); !why.empty()) throw TransientError(why);
  append("journal.jsonl", journal_, line, true);
}

void RunDirectory::append_frames(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const std::string why = gone(); !why.empty()) throw TransientError(why);
  if (frames_ < 0) frames_ = open_log(kFramesJournal);
  append_line(frames_, path_ / kFramesJournal, line, true);
}

// The caller holds the lock.
void RunDirectory::append(const char* name, int file, const std::string& line, bool sync) {
  append_line(file, path_ / name, line, sync);
  if (listener_ == nullptr) return;
  std::istringstream lines(line);
  for (std::string one; std::getline(lines, one);) listener_->tell(name, one);
}

void RunDirectory::listen(LogListener* listener) {
  const std::lock_guard<std::mutex> lock(mutex_);
  listener_ = listener;
}

void RunDirectory::append_event(const std::string& event, const std::map<std::string, std::string>& fields) {
  nlohmann::json line(fields);
  line["time"] = utc_now();
  line["event"] = event;
  line["run_id"] = run_id_;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (kept_events_.size() < kMostKeptEvents)
    kept_events_.push_back(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  write_kept_events();
}

void RunDirectory::write_kept_events() {
  try {
    for (; !kept_events_.empty(); kept_events_.pop_front())
      append("events.jsonl", events_, kept_events_.front(), false);
    trouble_.clear();
  } catch (const TransientError& e) {
    trouble_ = e.what();
  }
}

// Whoever writes into files of a folder that was removed loses all of it without a word.
std::string RunDirectory::gone() const {
  struct stat info {};
  if (::fstat(journal_, &info) == 0 && info.st_nlink == 0)
    return "the run directory " + path_.string() + " was deleted under the run: start it anew";
  if (::stat((path_ / "journal.jsonl").c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return "the run directory " + path_.string() +
           " is gone: was it moved, or its disk unmounted? bring it back, or resume the run";
  return "";
}

std::string RunDirectory::trouble() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const std::string why = gone(); !why.empty()) return why;
  write_kept_events();
  return trouble_;
}

}  // namespace tilecompile
