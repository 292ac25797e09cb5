#include "tilecompile/siril/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& t : texts) result.push_back(const_cast<char*>(t.c_str()));
  result.push_back(nullptr);
  return result;
}

// Only calls that are safe between fork and exec in a program with threads.
[[noreturn]] void become(const char* program, char** argv, char** envp, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(127);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  execve(program, argv, envp);
  _exit(127);
}

pid_t start(const ChildCommand& command) {
  std::vector<std::string> words = {command.program.filename().string()};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> argv = pointers(words), envp = pointers(command.environment);
  const int output = open(command.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (output < 0)
    throw TransientError("cannot write " + command.output.string() + ": " + std::strerror(errno));
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) become(command.program.c_str(), argv.data(), envp.data(), output, parent);
  const int error = errno;
  close(output);
  if (child < 0)
    throw TransientError("cannot start " + command.program.string() + ": " + std::strerror(error));
  setpgid(child, child);  // whichever of the two comes first
  return child;
}

// The child is not yet waited for, so its id and the id of its group are still its own.
void kill_group(pid_t child) {
  if (child > 1) kill(-child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace

int run_child(const ChildCommand& command) {
  const pid_t child = start(command);
  const auto began = Clock::now();
  auto pause = 1ms;
  try {
    for (;;) {
      int status = 0;
      const pid_t ended = waitpid(child, &status, WNOHANG);
      if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (ended < 0 && errno != EINTR) break;  // its id may belong to another by now
      command.observer->check_stop();
      const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
      if (command.timeout_s > 0 && seconds > command.timeout_s)
        throw TransientError(command.program.string() + " has not ended within " +
                             std::to_string(static_cast<int>(command.timeout_s)) +
                             " s and was stopped; what it printed is in " + command.output.string());
      std::this_thread::sleep_for(pause);
      pause = std::min(50ms, pause * 2);
    }
  } catch (...) {
    kill_group(child);
    throw;
  }
  throw ContractError("lost sight of " + command.program.string());
}

std::filesystem::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path file = std::filesystem::path(folder.empty() ? "." : folder) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error) && access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

}  // namespace tilecompile
