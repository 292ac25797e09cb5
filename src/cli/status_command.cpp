#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "command_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {
namespace {

std::string tiles_text(const RunStatus& s) {
  std::string text = std::to_string(s.done) + " of " + std::to_string(s.tiles) + " done, " +
                     std::to_string(std::max(0, s.tiles - s.done - s.failed)) + " open, " +
                     std::to_string(s.failed) + " failed, " + std::to_string(s.retried) + " tried again";
  if (s.handed_back > 0) text += ", " + std::to_string(s.handed_back) + " handed back";
  if (s.lost > 0) text += ", " + std::to_string(s.lost) + " lost and sent again";
  return text + (s.second_round ? " (synthetic frames)" : "");
}

std::string trouble_text(const WorkerTrouble& t) {
  std::string text;
  if (t.failures > 0)
    text += ", " + std::to_string(t.failures) + " failures, the last: " + escaped(t.last_failure);
  if (t.handed_back > 0) text += ", " + std::to_string(t.handed_back) + " handed back";
  if (t.rejected > 0) text += ", " + std::to_string(t.rejected) + " results rejected";
  if (!t.rests.empty()) text += ", takes no tasks for now: " + escaped(t.rests);
  return text;
}

void print_workers(const RunStatus& s) {
  std::map<std::string, int> all = s.workers;
  for (const auto& [id, trouble] : s.troubles) all.emplace(id, 0);
  for (const auto& [id, tiles] : all) {
    const auto trouble = s.troubles.find(id);
    std::printf("worker     %s: %d tiles%s\n", id.empty() ? "(unknown)" : escaped(id).c_str(), tiles,
                trouble == s.troubles.end() ? "" : trouble_text(trouble->second).c_str());
  }
}

void print_status(const RunStatus& s) {
  const std::string state = s.state.empty() ? "" : ", but stands still: " + s.state;
  std::printf("run        %s\nstatus     %s%s\nphase      %s\n", s.run_id.c_str(), s.status.c_str(),
              escaped(state).c_str(), s.phase.c_str());
  if (s.tiles > 0) std::printf("tiles      %s\n", tiles_text(s).c_str());
  print_workers(s);
  if (s.eta_s >= 0) std::printf("ETA        %.0f s for these tiles\n", s.eta_s);
  if (!s.waits_for.empty()) std::printf("waits      %s\n", escaped_lines(s.waits_for).c_str());
  if (!s.error.empty()) std::printf("error      %s\n", escaped_lines(s.error).c_str());
  if (s.status == "killed" || s.status == "interrupted" || s.status == "failed")
    std::printf("go on      give the same command --resume %s\n", s.run_id.c_str());
}

}  // namespace

void set_up_status(CLI::App& app, const ChooseAction& choose) {
  struct Flags {
    std::string run, output = "out";
    bool watch = false, as_json = false;
  };
  const auto flags = std::make_shared<Flags>();
  app.add_option("run", flags->run, "Folder or UUID of the run; default: the latest");
  app.add_option("--output", flags->output, "Folder of the runs (output.dir)")->capture_default_str();
  app.add_flag("--watch", flags->watch, "Every two seconds until the run has ended");
  app.add_flag("--json", flags->as_json, "For machines; one line each");
  app.callback([flags, choose] {
    choose([flags] {
      const std::string output = checked_text("output.dir", "--output", flags->output);
      const auto directory = find_run_directory(flags->run, output);
      for (;;) {
        const RunStatus status = read_run_status(directory);
        if (flags->as_json)
          std::printf("%s\n", escaped(status_json(status).dump()).c_str());
        else
          print_status(status);
        std::fflush(stdout);
        if (!flags->watch || status.status != "running" || stop_signal() != 0) return 0;
        if (!flags->as_json) std::printf("\n");
        std::this_thread::sleep_for(std::chrono::seconds(2));
      }
    });
  });
}

}  // namespace tilecompile
