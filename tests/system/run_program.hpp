#pragma once
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "paths.hpp"
#include "test_data.hpp"

namespace tilecompile {

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// What a child may use, and what its environment has beside ours.
struct ProgramLimits {
  std::size_t address_space_bytes = 0;  ///< 0: unlimited
  std::size_t file_size_bytes = 0;      ///< 0: unlimited
  int timeout_s = 60;
  std::vector<std::pair<std::string, std::string>> environment;
};

/// How a child ended. `code` is -1 when a signal ended it.
struct ProgramEnd {
  int code = -1, signal = 0;
  bool timed_out = false;
  std::string out, err;
};

/// Runs the built program with `arguments`; a child that is slower than the timeout is killed.
inline ProgramEnd run_program(const std::vector<std::string>& arguments, const ProgramLimits& limits = {}) {
  TempDir folder;
  const std::string out = folder / "out", err = folder / "err";
  std::vector<char*> argv = {const_cast<char*>("tilecompile")};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const auto redirect = [](const std::string& path, int target) {
      const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      if (file < 0 || dup2(file, target) < 0) _exit(126);
    };
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    const auto limit = [](__rlimit_resource_t what, std::size_t bytes) {
      const rlimit value{bytes, bytes};
      if (bytes > 0) setrlimit(what, &value);
    };
    limit(RLIMIT_AS, limits.address_space_bytes);
    limit(RLIMIT_FSIZE, limits.file_size_bytes);
    for (const auto& [name, value] : limits.environment) setenv(name.c_str(), value.c_str(), 1);
    execv(program_path().c_str(), argv.data());
    _exit(127);
  }
  ProgramEnd end;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(limits.timeout_s);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (!end.timed_out && std::chrono::steady_clock::now() > deadline) {
      end.timed_out = true;
      kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.out = bytes_of(out);
  end.err = bytes_of(err);
  return end;
}

/// Files below `folder` that look like a result of a run: FITS files outside frame folders, and a run.json
/// that says done.
inline std::vector<std::string> results_below(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (item.path().extension() == ".fits") found.push_back(item.path().string());
    if (item.path().filename() == "run.json" &&
        bytes_of(item.path()).find("\"status\": \"done\"") != std::string::npos)
      found.push_back(item.path().string());
  }
  return found;
}

}  // namespace tilecompile
