#include "tilecompile/run/local_workers.hpp"

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
#include "tilecompile/run/broker_link.hpp"
#include "tilecompile/run/master.hpp"
#include "tilecompile/run/parallel.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kStopWithin = 8s;  // they give their tasks back by then, and the master has a second more

std::vector<std::string> worker_arguments(const RunConfig& config, int count, int index, bool quiet) {
  const int slots = std::max(1, thread_count(config.parallel.threads) / count);
  const auto limit_mb = memory_limit_bytes(config.parallel) / static_cast<std::size_t>(count) >> 20;
  std::vector<std::string> arguments = {"tilecompile", "worker"};
  const auto set = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {"--" + key, value});
  };
  set("worker_id", "local-" + std::to_string(index + 1));
  const auto set_folder = [&](const std::string& key, const std::filesystem::path& folder) {
    if (!folder.empty()) set(key, std::filesystem::absolute(folder).string());
  };
  set_folder("input.dir", config.input.dir);
  set_folder("storage.root", storage_root(config));
  set_folder("cache.dir", config.cache.dir);
  set("cache.size_limit_mb", std::to_string(config.cache.size_limit_mb));
  set("storage.type", config.storage.type == StorageType::kS3 ? "s3" : "file");
  const S3Config& s3 = config.storage.s3;
  set("storage.s3.endpoint", s3.endpoint);
  set("storage.s3.bucket", s3.bucket);
  set("storage.s3.prefix", s3.prefix);
  set("storage.s3.frames_prefix", s3.frames_prefix);
  set("storage.s3.region", s3.region);
  set("storage.s3.path_style", s3.path_style ? "true" : "false");
  set("storage.s3.ca_file", s3.ca_file);
  set("storage.s3.credentials_file", s3.credentials_file);
  set("storage.s3.profile", s3.profile);
  set("storage.s3.max_attempts", std::to_string(s3.max_attempts));
  set("storage.s3.connect_timeout_s", std::to_string(s3.connect_timeout_s));
  set("storage.s3.stall_timeout_s", std::to_string(s3.stall_timeout_s));
  set("parallel.threads", std::to_string(slots));
  set("parallel.prefetch", std::to_string(config.parallel.prefetch));
  set("parallel.memory_limit_mb", std::to_string(std::max<std::size_t>(64, limit_mb)));
  for (const auto& [key, value] : broker_flags(config.broker)) set(key, value);
  set("observability.log_level", quiet ? "error" : config.observability.log_level);
  set("observability.log_format", config.observability.log_format);
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
    if (getppid() != parent) _exit(0);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  return child;
}

}  // namespace

LocalWorkers::LocalWorkers(const RunConfig& config, int count, bool quiet)
    : restarts_left_(count * (config.retry.max_worker_deaths + 2)) {
  for (int i = 0; i < count; ++i) {
    const auto arguments = worker_arguments(config, count, i, quiet);
    running_.push_back({start_process(arguments), arguments});
  }
}

LocalWorkers::~LocalWorkers() {
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
