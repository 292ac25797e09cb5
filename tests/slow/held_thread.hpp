#pragma once
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "system/program.hpp"

namespace tilecompile {

/// Holds up the thread of a process that has computed most, as if it computed on and on; the others, such as
/// the one that talks to the broker, go on. Let go with this object.
class HeldThread {
 public:
  explicit HeldThread(pid_t process) {
    long most = -1;
    for (const auto& thread :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      const long ticks = ticks_of(thread.path());
      if (ticks <= most) continue;
      most = ticks;
      thread_ = std::stoi(thread.path().filename().string());
    }
    held_ = ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) == 0 &&
            ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0 &&
            waitpid(thread_, nullptr, __WALL) == thread_;
  }
  ~HeldThread() {
    if (held_) ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
  }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;
  /// False when the system does not allow it.
  bool held() const { return held_; }

 private:
  // User time of a thread in clock ticks: the 14th field, the second stands in parentheses.
  static long ticks_of(const std::filesystem::path& thread) {
    const std::string stat = file_text(thread / "stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string skipped;
    long ticks = 0;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    fields >> ticks;
    return ticks;
  }

  pid_t thread_ = 0;
  bool held_ = false;
};

}  // namespace tilecompile
