#include "local_workers.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/master/master.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr pid_t kNotStarted = 0;
constexpr auto kStopWithin = 8s;  // they give their tasks back by then, and the master has a second more

std::vector<std::string> worker_arguments(const WorkerConfig& config) {
  std::vector<std::string> arguments = {"tilecompile", "worker"};
  for (const auto& [key, value] : worker_flags(config))
    arguments.insert(arguments.end(), {"--" + key, value});
  return arguments;
}

pid_t start_process(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw TransientError(std::string("cannot start a worker process: ") + std::strerror(errno));
  if (child == 0) {
    // A worker of a master that is gone has nobody to work for.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    // A signal to the master's group must not come twice, from there and from the master: the second one says
    // that nothing is to be finished.
    setpgid(0, 0);
    if (getppid() != parent) _exit(0);
    close_range(STDERR_FILENO + 1, ~0U, 0);  // connections of the master are not theirs
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  return child;
}

}  // namespace

WorkerConfig local_worker_config(const RunConfig& config, int count, int index, bool quiet) {
  constexpr std::size_t kLeastMemoryMb = 64;
  WorkerConfig worker{config.input,
                      config.parallel,
                      config.broker,
                      config.storage,
                      config.cache,
                      config.observability,
                      "local-" + std::to_string(index + 1)};
  worker.storage.root = storage_root(config);
  worker.parallel.threads = std::max(1, thread_count(config.parallel.threads) / count);
  const std::size_t limit_mb = memory_limit_bytes(config.parallel) / static_cast<std::size_t>(count) >> 20;
  worker.parallel.memory_limit_mb = static_cast<int>(std::max(kLeastMemoryMb, limit_mb));
  worker.observability.listen.clear();  // the master has the port; its metrics tell of its workers too
  if (quiet) worker.observability.log_level = LogLevel::kError;
  return worker;
}

LocalWorkers::LocalWorkers(const RunConfig& config, int count, bool quiet)
    : restarts_left_(count * (config.retry.max_worker_deaths + 2)) {
  for (int i = 0; i < count; ++i) {
    const auto arguments = worker_arguments(local_worker_config(config, count, i, quiet));
    running_.push_back({kNotStarted, arguments});
  }
}

LocalWorkers::~LocalWorkers() {
  std::erase_if(running_, [](const Worker& w) { return w.pid == kNotStarted; });
  for (const Worker& w : running_) kill(w.pid, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + kStopWithin;
  while (!running_.empty()) {
    std::erase_if(running_, [](const Worker& w) { return waitpid(w.pid, nullptr, WNOHANG) != 0; });
    if (std::chrono::steady_clock::now() > deadline)
      for (const Worker& w : running_) kill(w.pid, SIGKILL);
    std::this_thread::sleep_for(20ms);
  }
}

void LocalWorkers::watch() {
  for (auto it = running_.begin(); it != running_.end();) {
    int status = 0;
    if (it->pid == kNotStarted) it->pid = start_process(it->arguments);
    if (waitpid(it->pid, &status, WNOHANG) == 0) {
      ++it;
      continue;
    }
    const bool killed = WIFSIGNALED(status);
    const std::string how = killed ? "signal " + std::to_string(WTERMSIG(status))
                                   : "exit code " + std::to_string(WEXITSTATUS(status));
    const bool again = killed && restarts_left_-- > 0;
    log_error(std::string("a local worker ended by itself") + (again ? ", another takes its place" : ""),
              {{"pid", std::to_string(it->pid)}, {"how", how}});
    if (!again) {
      it = running_.erase(it);
      continue;
    }
    it->pid = start_process(it->arguments);
    ++it;
  }
  if (running_.empty())
    throw TransientError("all local workers have ended: see their messages above; what is done is kept");
}

}  // namespace tilecompile
