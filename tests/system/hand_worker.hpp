#pragma once
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "paths.hpp"
#include "program.hpp"

namespace tilecompile {

/// A worker process started by hand, with its log.
class HandWorker {
 public:
  HandWorker(const std::filesystem::path& folder, const std::string& name, const std::string& flags)
      : log_(folder / (name + ".log")), pid_file_(folder / (name + ".pid")) {
    const std::string command = std::string("'") + program_path() + "' worker --worker_id " + name +
                                " --log-level debug " + flags + " > '" + log_.string() +
                                "' 2>&1 & echo $! > '" + pid_file_.string() +
                                "'; wait $!; echo exit $? >> '" + log_.string() + "'";
    process_ = std::thread([command] { run_shell(command); });
    wait_for("worker is ready");
  }
  ~HandWorker() {
    end(SIGKILL);
    if (process_.joinable()) process_.join();
  }
  bool wait_for(const std::string& text) const {
    for (int i = 0; i < 2000; ++i) {
      if (this->text().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  void end(int signal) {
    pid_t pid = 0;
    std::ifstream(pid_file_) >> pid;
    if (pid > 1 && text().find("exit ") == std::string::npos) kill(pid, signal);
  }
  void join() { process_.join(); }
  std::string text() const { return file_text(log_); }

 private:
  std::filesystem::path log_, pid_file_;
  std::thread process_;
};

}  // namespace tilecompile
