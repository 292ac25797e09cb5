#pragma once
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "broker/patience.hpp"
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
    comes_true([this] { return has("worker is ready") || has("exit "); });
    EXPECT_TRUE(has("worker is ready")) << name << " never became ready:\n" << text();
  }
  ~HandWorker() {
    end(SIGKILL);
    if (process_.joinable()) process_.join();
  }
  /// False when `text` is not in the log after two minutes.
  bool wait_for(const std::string& text) const {
    return comes_true([&] { return has(text); });
  }
  bool has(const std::string& words) const { return text().find(words) != std::string::npos; }
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
