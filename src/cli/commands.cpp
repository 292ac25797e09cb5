#include "commands.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include "command_table.hpp"
#include "tilecompile/base/edit_distance.hpp"
#include "tilecompile/base/error_report.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/launch/vector_choice.hpp"

namespace tilecompile {
namespace {

std::atomic<int> signal_received{0};

// Container engines and service managers kill ten seconds after they asked.
constexpr unsigned kEndWithin_s = 9;

// The first signal asks for an orderly stop; the second ends at once, and the broker hands back what was
// unfinished.
void on_signal(int signal) {
  if (signal_received.exchange(signal) != 0) _exit(128 + signal);
  alarm(kEndWithin_s);
}

// Whatever is waited for then, a storage that hangs or a long tile: nothing needs more care than after a
// crash.
void on_time_up(int) {
  constexpr char kText[] = "tilecompile: not ended in order in time, what was under way is left\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText, sizeof kText - 1);
  _exit(128 + signal_received);
}

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = on_time_up;
  sigaction(SIGALRM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // the write fails with EFBIG and says so
}

int guarded(const std::function<int()>& command) {
  try {
    choose_vectors();
    return command();
  } catch (const Interrupted& interrupted) {
    std::fprintf(stderr, "tilecompile: stopped by signal %d; what is done is kept\n", interrupted.signal);
    return 128 + interrupted.signal;
  } catch (const std::exception& error) {
    const ErrorReport report = report_of(error);
    std::fprintf(stderr, "tilecompile: %s\n", escaped_lines(report.text).c_str());
    // After a signal nobody wanted to wait on for what may work later.
    if (report.kind == ErrorKind::kTransient && signal_received != 0) return 128 + signal_received;
    return exit_code(report.kind);
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
  if (const std::string text = unknown_command(argc, argv); !text.empty()) {
    std::fprintf(stderr, "tilecompile: %s\n", text.c_str());
    return exit_code(ErrorKind::kUsage);
  }
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
