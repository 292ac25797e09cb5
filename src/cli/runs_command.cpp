#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command_table.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/run_list.hpp"

namespace tilecompile {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : escaped(text); }

void print_runs(const std::vector<ListedRun>& runs) {
  for (const ListedRun& run : runs)
    std::printf(
        "%-16s  %-17s  %-16s  %4d frames  %s\n    %s\n",
        or_dash(run.started.substr(0, 10) + (run.started.size() > 16 ? " " + run.started.substr(11, 5) : ""))
            .c_str(),
        run.status.c_str(), or_dash(run.target).c_str(), run.frames, or_dash(run.verdict).c_str(),
        (run.folder.empty() ? run.directory : run.folder).c_str());
  std::printf("%zu run%s\n", runs.size(), runs.size() == 1 ? "" : "s");
}

void print_json(const std::vector<ListedRun>& runs) {
  nlohmann::json list = nlohmann::json::array();
  for (const ListedRun& run : runs)
    list.push_back({{"run_id", run.run_id},
                    {"status", run.status},
                    {"started", run.started},
                    {"target", run.target},
                    {"frames", run.frames},
                    {"verdict", run.verdict},
                    {"directory", run.directory.string()},
                    {"folder", run.folder.string()}});
  std::printf("%s\n",
              escaped_lines(list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)).c_str());
}

}  // namespace

void set_up_runs(CLI::App& app, const ChooseAction& choose) {
  struct Flags {
    std::string output = "out";
    bool as_json = false;
  };
  const auto flags = std::make_shared<Flags>();
  app.add_option("--output", flags->output, "Folder of the runs (output.dir)")->capture_default_str();
  app.add_flag("--json", flags->as_json, "For machines");
  app.callback([flags, choose] {
    choose([flags] {
      const auto runs = list_runs(checked_text("output.dir", "--output", flags->output));
      flags->as_json ? print_json(runs) : print_runs(runs);
      return 0;
    });
  });
}

}  // namespace tilecompile
