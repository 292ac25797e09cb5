#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command_table.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/clean.hpp"

namespace tilecompile {
namespace {

struct CleanFlags {
  std::vector<std::string> runs;
  std::string output = "out", older_than, storage_root;
  bool yes = false;
};

int clean(const CleanFlags& flags) {
  CleanRequest request;
  request.runs = flags.runs;
  request.output_dir = checked_text("output.dir", "--output", flags.output);
  if (!flags.older_than.empty()) request.older_than_s = parse_age_s(flags.older_than);
  if (!flags.storage_root.empty())
    request.storage_root = checked_text("storage.root", "--storage-root", flags.storage_root);
  request.remove = flags.yes;
  std::size_t runs = 0, files = 0;
  std::uint64_t bytes = 0;
  clean_runs(request, [&](const CleanedRun& run) {
    runs += run.files > 0 ? 1 : 0;
    files += run.files;
    bytes += run.bytes;
    std::printf("%s  %-17s  ", run.run_id.c_str(), run.status.c_str());
    if (run.kept.empty())
      std::printf("%zu files, %.1f MB\n", run.files, static_cast<double>(run.bytes) / 1e6);
    else
      std::printf("stays: %s\n", escaped(run.kept).c_str());
  });
  std::printf("%zu files of %zu runs, %.1f MB%s\n", files, runs, static_cast<double>(bytes) / 1e6,
              flags.yes ? " removed" : "; nothing was removed, --yes does it");
  return 0;
}

}  // namespace

void set_up_clean(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<CleanFlags>();
  app.add_option(
      "runs", flags->runs,
      "Folders or UUIDs of runs, or the first characters of them; default: all that have come to their end");
  app.add_option("--output", flags->output, "Folder of the runs (output.dir)")->capture_default_str();
  app.add_option("--older-than", flags->older_than,
                 "Only runs that wrote last that long ago: 90m, 12h, 30d, 4w");
  app.add_option("--storage-root", flags->storage_root, "Where the folder storage.root of the runs is now");
  app.add_flag("--yes", flags->yes, "Remove; without it nothing is touched");
  app.callback([flags, choose] { choose([flags] { return clean(*flags); }); });
}

}  // namespace tilecompile
