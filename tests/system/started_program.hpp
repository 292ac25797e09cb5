#pragma once
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "paths.hpp"

namespace tilecompile {

/// The built program, started and running beside the test, with its output in a file. Killed with this
/// object.
class StartedProgram {
 public:
  StartedProgram(const std::vector<std::string>& arguments, std::filesystem::path log)
      : log_(std::move(log)) {
    std::vector<char*> argv = {const_cast<char*>("tilecompile")};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    child_ = fork();
    if (child_ < 0) throw std::runtime_error("cannot fork");
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is given up leaves nothing running
      const int file = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0) _exit(126);
      execv(program_path().c_str(), argv.data());
      _exit(127);
    }
  }
  ~StartedProgram() {
    if (running()) send(SIGKILL);
    wait();
  }
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;

  bool running() {
    if (child_ > 0 && waitpid(child_, &status_, WNOHANG) == child_) child_ = 0;
    return child_ > 0;
  }
  /// 0 once it has ended.
  pid_t pid() const { return child_; }
  /// Not yet waited for, so the id is still its own.
  void send(int signal) const {
    if (child_ > 1) kill(child_, signal);
  }
  /// Exit code; 128 + signal when a signal ended it, also the one that ends it after 15 minutes.
  int wait() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(15);
    while (running() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    send(SIGKILL);
    if (child_ > 0) waitpid(child_, &status_, 0);
    child_ = 0;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }
  std::string text() const {
    std::ifstream in(log_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// False when it ended, or two minutes passed, before `moment` came.
  bool run_until(const std::function<bool()>& moment) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!moment()) {
      if (!running() || std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    return true;
  }
  bool wait_for(const std::string& words) {
    return run_until([&] { return text().find(words) != std::string::npos; });
  }

 private:
  std::filesystem::path log_;
  pid_t child_ = 0;
  int status_ = 0;
};

}  // namespace tilecompile
