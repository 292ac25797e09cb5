#pragma once
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

namespace tilecompile {

/// Records what the program asks the system to do with files below `folder`, in order: "write NAME",
/// "sync NAME" (fsync), "datasync NAME" (fdatasync), "rename NAME". NAME is relative to `folder`, "." the
/// folder itself; repeated writes of one file count once; the random end of a temporary name is left out, so
/// it is ".tmp-". The test program has to hold file_calls.cpp, which stands in for these functions of the C
/// library.
class FileCalls {
 public:
  explicit FileCalls(const std::filesystem::path& folder);
  ~FileCalls();
  FileCalls(const FileCalls&) = delete;
  FileCalls& operator=(const FileCalls&) = delete;

  std::vector<std::string> so_far() const;
};

/// How many of the next calls of flock a signal interrupts.
std::atomic<int>& interrupted_locks();
/// Whether a signal interrupts every sleep once.
std::atomic<bool>& interrupted_sleeps();

}  // namespace tilecompile
