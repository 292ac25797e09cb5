#include "file_calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <mutex>

#include "tilecompile/base/atomic_file.hpp"

namespace tilecompile {
namespace {

struct Record {
  std::mutex mutex;
  std::string folder;  // empty: nothing is recorded
  std::vector<std::string> calls;
};

Record& record() {
  static Record the_record;
  return the_record;
}

std::string path_of(int fd) {
  std::array<char, 4096> path{};
  const ssize_t n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
  return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : "";
}

std::string without_random_end(const std::string& path) {
  const std::size_t start = path.find(kTemporaryPrefix);
  return start == std::string::npos ? path : path.substr(0, start + std::string(kTemporaryPrefix).size());
}

void note(const std::string& what, const std::string& path) {
  Record& all = record();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.folder.empty()) return;
  std::string name;
  if (path == all.folder)
    name = ".";
  else if (path.rfind(all.folder + "/", 0) == 0)
    name = without_random_end(path.substr(all.folder.size() + 1));
  else
    return;
  const std::string call = what + " " + name;
  if (what == "write" && !all.calls.empty() && all.calls.back() == call) return;
  all.calls.push_back(call);
}

}  // namespace

std::atomic<int>& interrupted_locks() {
  static std::atomic<int> locks{0};
  return locks;
}

std::atomic<bool>& interrupted_sleeps() {
  static std::atomic<bool> sleeps{false};
  return sleeps;
}

FileCalls::FileCalls(const std::filesystem::path& folder) {
  const std::lock_guard<std::mutex> lock(record().mutex);
  record().folder = std::filesystem::canonical(folder).string();
  record().calls.clear();
}

FileCalls::~FileCalls() {
  const std::lock_guard<std::mutex> lock(record().mutex);
  record().folder.clear();
}

std::vector<std::string> FileCalls::so_far() const {
  const std::lock_guard<std::mutex> lock(record().mutex);
  return record().calls;
}

}  // namespace tilecompile

// What the program calls instead of the C library: noted, then done.
extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  tilecompile::note("write", tilecompile::path_of(fd));
  return syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  tilecompile::note("write", tilecompile::path_of(fd));
  return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

int fsync(int fd) {
  tilecompile::note("sync", tilecompile::path_of(fd));
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  tilecompile::note("datasync", tilecompile::path_of(fd));
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

int renameat(int old_folder, const char* old_name, int new_folder, const char* new_name) noexcept {
  tilecompile::note("rename", tilecompile::path_of(new_folder) + "/" + new_name);
  return static_cast<int>(syscall(SYS_renameat2, old_folder, old_name, new_folder, new_name, 0));
}

int nanosleep(const struct timespec* time, struct timespec* left) {
  static std::atomic<bool> again{false};
  if (tilecompile::interrupted_sleeps() && !again.exchange(true)) {
    *left = *time;
    errno = EINTR;
    return -1;
  }
  again = false;
  return static_cast<int>(syscall(SYS_nanosleep, time, left));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"  // <fcntl.h> has a struct of this name too
int flock(int fd, int operation) noexcept {
  if (tilecompile::interrupted_locks() > 0) {
    --tilecompile::interrupted_locks();
    errno = EINTR;
    return -1;
  }
  return static_cast<int>(syscall(SYS_flock, fd, operation));
}
#pragma GCC diagnostic pop

int rename(const char* old_name, const char* new_name) noexcept {
  tilecompile::note("rename", new_name);
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, old_name, AT_FDCWD, new_name, 0));
}
}
