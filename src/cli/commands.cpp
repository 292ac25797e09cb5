#include "tilecompile/cli/commands.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/cli/command_table.hpp"
#include "tilecompile/config/suggest.hpp"
#include "tilecompile/run/dispatch.hpp"

namespace tilecompile {
namespace {

std::atomic<int> signal_received{0};

// The first signal asks for an orderly stop; the second ends at once, and the broker hands back what was
// unfinished.
void on_signal(int signal) {
  if (signal_received.exchange(signal) != 0) _exit(128 + signal);
}

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // the write fails with EFBIG and says so
}

int report(const Error& error) {
  std::fprintf(stderr, "tilecompile: %s\n", error.what());
  return exit_code(error.kind());
}

int guarded(const std::function<int()>& command) {
  try {
    return command();
  } catch (const Interrupted& interrupted) {
    std::fprintf(stderr, "tilecompile: stopped by signal %d; what is done is kept\n", interrupted.signal);
    return 128 + interrupted.signal;
  } catch (const Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report(TransientError(
        "not enough memory: lower parallel.threads or parallel.memory_limit_mb, or allow the process more"));
  } catch (const std::system_error& error) {
    return report(TransientError(std::string("the operating system refused: ") + error.what() +
                                 "; check the limits of processes, threads and open files, and the mounts"));
  } catch (const std::exception& error) {
    return report(
        ContractError(std::string("internal error: ") + error.what() + "; please report this with the log"));
  }
}

// The first word when it is no command; CLI11 would only say that one is missing.
std::string unknown_command(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  const std::string word = argv[1];
  std::string names, nearest;
  int nearest_edits = 3;
  for (const Command& command : command_table()) {
    if (word == command.name) return "";
    names += (names.empty() ? "" : ", ") + std::string(command.name);
    const int edits = edit_distance(word, command.name);
    if (edits >= nearest_edits) continue;
    nearest_edits = edits;
    nearest = command.name;
  }
  return "unknown command '" + word + "'; " +
         (nearest.empty() ? "commands are " + names : "did you mean '" + nearest + "'?");
}

}  // namespace

const std::atomic<int>& stop_signal() { return signal_received; }

int run_command_line(int argc, char** argv) {
  CLI::App app(
      "Turns many short exposures of one patch of sky into one picture, tile by tile, on one machine or "
      "many.");
  app.name("tilecompile");
  app.set_version_flag("--version", std::string("tilecompile ") + kProgramVersion);
  app.require_subcommand(1);
  std::function<int()> chosen;
  for (const Command& command : command_table()) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    command.set_up(*sub, [&chosen](std::function<int()> action) { chosen = std::move(action); });
  }
  if (const std::string text = unknown_command(argc, argv); !text.empty()) return report(UsageError(text));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    app.exit(e, std::cerr, std::cerr);
    return exit_code(ErrorKind::kUsage);
  }
  install_signal_handlers();
  return guarded(chosen);
}

}  // namespace tilecompile
