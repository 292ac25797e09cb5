#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "command_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/broker_status.hpp"
#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

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
  std::printf("run        %s\nstatus     %s%s\n", s.run_id.c_str(), s.status.c_str(), escaped(state).c_str());
  if (s.status != "done" && s.status != "failed_validation") std::printf("phase      %s\n", s.phase.c_str());
  if (s.tiles > 0) std::printf("tiles      %s\n", tiles_text(s).c_str());
  print_workers(s);
  if (s.eta_s >= 0) std::printf("ETA        %.0f s for these tiles\n", s.eta_s);
  if (!s.waits_for.empty()) std::printf("waits      %s\n", escaped_lines(s.waits_for).c_str());
  if (!s.error.empty()) std::printf("error      %s\n", escaped_lines(s.error).c_str());
  if (s.status == "killed" || s.status == "interrupted" || s.status == "failed")
    std::printf("go on      give the same command --resume %s\n", s.run_id.c_str());
}

std::string run_line(const json& s) {
  const json& tiles = s.at("tiles");
  char text[256];
  std::snprintf(text, sizeof text, "%s, %d of %d tiles done, %d failed", s.value("phase", "").c_str(),
                tiles.value("done", 0), tiles.value("count", 0), tiles.value("failed", 0));
  std::string line = text;
  if (s.contains("eta_s")) line += ", ETA " + std::to_string(std::lround(s["eta_s"].get<double>())) + " s";
  if (s.contains("state")) line += ", but stands still: " + s.value("state", "");
  return line;
}

std::string worker_line(const SeenWorker& w) {
  const auto ago = [](double s) { return std::to_string(std::lround(s)) + " s ago"; };
  const std::string where = w.host.empty() ? "" : " (on " + w.host + ")";
  if (!w.fit) return "takes no tasks for now: " + w.text + where;
  if (w.run_id.empty()) return (w.said_s_ago < 0 ? "idle" : "idle, " + ago(w.said_s_ago)) + where;
  return std::to_string(w.tiles) + " tiles of run " + w.run_id.substr(0, 8) + ", the last " +
         ago(w.tile_s_ago) + where;
}

void print_broker_status(const BrokerStatus& status) {
  for (const auto& [name, queue] : status.queues)
    if (name != "tile.workers" && (queue.messages > 0 || queue.consumers > 0 || name == "tile.compute"))
      std::printf("queue      %s: %llu waiting, %llu consumers\n", name.c_str(),
                  static_cast<unsigned long long>(queue.messages),
                  static_cast<unsigned long long>(queue.consumers));
  for (const std::string& run : status.runs) {
    const json s = json::parse(run);
    std::printf("run        %s: %s\n", escaped(s.value("run_id", "")).c_str(), escaped(run_line(s)).c_str());
  }
  if (status.runs.empty()) std::printf("run        none is under way\n");
  for (const auto& [id, worker] : status.workers)
    std::printf("worker     %s: %s\n", escaped(id).c_str(), escaped(worker_line(worker)).c_str());
  if (status.workers.empty()) std::printf("worker     none has said anything of late\n");
}

int watch_broker(const std::string& file, bool watch, bool as_json) {
  const RunConfig config = load_run_config(file, {});
  for (;;) {
    const BrokerStatus status = look_at_broker(config);
    if (as_json)
      std::printf("%s\n", escaped(broker_status_json(status).dump()).c_str());
    else
      print_broker_status(status);
    std::fflush(stdout);
    for (int i = 0; watch && i < 20 && stop_signal() == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (!watch || stop_signal() != 0) return 0;
    if (!as_json) std::printf("\n");
  }
}

}  // namespace

void set_up_status(CLI::App& app, const ChooseAction& choose) {
  struct Flags {
    std::string run, output = "out", broker;
    bool watch = false, as_json = false;
  };
  const auto flags = std::make_shared<Flags>();
  app.add_option("run", flags->run, "Folder, UUID or its first characters; default: the latest");
  app.add_option("--output", flags->output, "Folder of the runs (output.dir)")->capture_default_str();
  app.add_option("--broker", flags->broker, "RUN.yaml: ask its broker for queues, runs and workers instead")
      ->excludes("run");
  app.add_flag("--watch", flags->watch,
               "Every two seconds until the run has ended; with --broker until stopped");
  app.add_flag("--json", flags->as_json, "For machines; one line each");
  app.callback([flags, choose] {
    choose([flags] {
      if (!flags->broker.empty()) return watch_broker(flags->broker, flags->watch, flags->as_json);
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
