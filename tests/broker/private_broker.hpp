#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "paths.hpp"

/// Skips a test without RabbitMQ; in CI it must be there, so it fails.
#define TILECOMPILE_NEEDS_RABBITMQ                                           \
  if (!tilecompile::PrivateBroker::installed()) {                            \
    if (std::getenv("CI") != nullptr) FAIL() << "RabbitMQ is not installed"; \
    GTEST_SKIP() << "RabbitMQ is not installed";                             \
  }

namespace tilecompile {

/// A RabbitMQ of its own for a test program, in a temporary folder on free loopback ports, user guest/guest.
/// Ends with this object, and also when the test program dies.
class PrivateBroker {
 public:
  /// False when RabbitMQ is not installed: tests skip then.
  static bool installed() {
    const char* bin = std::getenv("RABBITMQ_BIN");
    return std::filesystem::exists(std::string(bin ? bin : "/usr/lib/rabbitmq/bin") + "/rabbitmq-server");
  }

  /// Starts the broker; throws std::runtime_error with its last words when it does not come up. `conf` is
  /// appended to rabbitmq.conf (@TLS_PORT@ in it becomes tls_port()); `plugins` are separated by commas.
  explicit PrivateBroker(const std::string& conf = "", const std::string& plugins = "") {
    std::string pattern = (std::filesystem::temp_directory_path() / "private-broker-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder " + pattern);
    folder_ = pattern;
    if (!conf.empty()) {
      const std::string file = (folder_ / "extra.conf").string();
      std::ofstream(file) << conf;
      environment_ += "PRIVATE_BROKER_CONF='" + file + "' ";
    }
    if (!plugins.empty()) environment_ += "PRIVATE_BROKER_PLUGINS='" + plugins + "' ";
    try {
      port_ = std::stoi(call("start"));
    } catch (...) {
      stop();
      throw;
    }
  }
  ~PrivateBroker() { stop(); }
  PrivateBroker(const PrivateBroker&) = delete;
  PrivateBroker& operator=(const PrivateBroker&) = delete;

  int port() const { return port_; }
  int tls_port() const { return std::stoi(read((folder_ / "tls_port").string())); }
  const std::filesystem::path& folder() const { return folder_; }

  /// Orderly shutdown and start on the same port; takes seconds.
  void restart() { call("restart"); }
  /// Kills it at once; start() brings it back with its durable queues. It writes down the queues that were
  /// declared some seconds later by itself, and without them if it is killed before: so it is asked to first.
  void kill9() {
    call("eval", "'mnesia:sync_log()'");
    call("kill9");
  }
  void start() { call("start"); }
  /// Freezes and unfreezes its processes: a peer that is there but silent.
  void pause() { call("pause"); }
  void resume() { call("cont"); }
  /// rabbitmqctl, which takes a second of a processor; `arguments` as on a shell's command line. Returns its
  /// output.
  std::string ctl(const std::string& arguments) { return call("ctl", arguments); }
  /// One line a queue: its name and these items ("messages_ready consumers"), with tabs between them. Takes
  /// milliseconds.
  std::string queues(const std::string& items, const std::string& vhost = "/") {
    return call("queues", "'" + vhost + "' " + items);
  }
  /// The same once it satisfies `holds`, or the last one after a minute: the broker finishes what closed or
  /// busy connections began some time later.
  std::string queues_until(const std::string& items, const std::string& vhost,
                           const std::function<bool(const std::string&)>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
      std::string answer = queues(items, vhost);
      if (holds(answer) || std::chrono::steady_clock::now() > deadline) return answer;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  /// Waits until no connection to the virtual host consumes or holds a message: until the broker has taken
  /// back what clients held that have closed or died. Throws std::runtime_error after a minute.
  void wait_until_quiet(const std::string& vhost = "/") {
    const auto quiet = [](const std::string& counts) {
      for (std::size_t i = counts.find('\t'); i != std::string::npos; i = counts.find('\t', i + 1))
        if (counts[i + 1] != '0') return false;
      return true;
    };
    const std::string counts = queues_until("messages_unacknowledged consumers", vhost, quiet);
    if (!quiet(counts)) throw std::runtime_error("the broker still serves somebody:\n" + counts);
  }

 private:
  std::string call(const std::string& command, const std::string& arguments = "") {
    const std::string log = (folder_ / "script.log").string();
    const std::string line = environment_ + "PRIVATE_BROKER_OWNER=" + std::to_string(getpid()) + " '" +
                             source_dir() + "/scripts/private-broker.sh' " + command + " '" +
                             folder_.string() + "' " + arguments + " 2>'" + log + "'";
    FILE* pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + line);
    std::string output;
    std::array<char, 4096> buffer;
    while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe))
      output.append(buffer.data(), got);
    if (pclose(pipe) != 0) throw std::runtime_error("failed: " + line + "\n" + read(log));
    return output;
  }

  static std::string read(const std::string& path) {
    std::string text;
    if (FILE* file = fopen(path.c_str(), "r")) {
      std::array<char, 4096> buffer;
      while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), file))
        text.append(buffer.data(), got);
      fclose(file);
    }
    return text;
  }

  void stop() {
    try {
      call("stop");
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::filesystem::path folder_;
  std::string environment_;
  int port_ = 0;
};

}  // namespace tilecompile
