#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command_table.hpp"
#include "run_flags.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/launch/report.hpp"
#include "tilecompile/launch/report_server.hpp"
#include "tilecompile/operate/plan.hpp"
#include "tilecompile/operate/run_status.hpp"
#include "tilecompile/review/recompute_tile.hpp"

namespace tilecompile {
namespace {

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

void print_plan(const RunPlan& p) {
  std::printf("frames     %d of %d x %d px, %d channel%s\n", p.frames, p.width, p.height, p.channels,
              p.channels == 1 ? "" : "s");
  std::printf("manifest   %s\nconfig     %s\n", p.frames_manifest_id.c_str(), p.config_hash.c_str());
  std::printf("seeing     %.2f px, %s\n", p.seeing_px, p.seeing_from.c_str());
  std::printf("tiles      %d of %d px, overlap %d px\n", p.tiles, p.tile_size_px, p.overlap_px);
  if (p.synthetic_frames > 0) std::printf("synthetic  %d frames\n", p.synthetic_frames);
  std::printf("tasks      by parallel.batch:");
  for (const auto& [batch, count] : p.tasks) std::printf("  %s: %d", batch.c_str(), count);
  std::printf("\n\n%-20s %12s %12s %12s\n", "phase", "read MB", "memory MB", "seconds");
  double seconds = 0;
  std::uint64_t read = 0, memory = 0;
  for (const PlannedPhase& phase : p.phases) {
    std::printf("%-20s %12.1f %12.1f %12.1f\n", phase.name.c_str(), megabytes(phase.read_bytes),
                megabytes(phase.memory_bytes), phase.seconds);
    seconds += phase.seconds;
    read += phase.read_bytes;
    memory = std::max(memory, phase.memory_bytes);
  }
  std::printf("%-20s %12.1f %12.1f %12.1f\n\n", "together, peak", megabytes(read), megabytes(memory),
              seconds);
  std::printf("disk       %.0f MB for pictures and maps in output.dir", megabytes(p.products_bytes));
  if (p.registered_bytes > 0)
    std::printf(", %.0f MB for registered frames (three times that in colour)",
                megabytes(p.registered_bytes));
  if (p.masters_bytes > 0) std::printf(", %.0f MB for calibration masters", megabytes(p.masters_bytes));
  std::printf("; with workers %.0f MB for tiles in the storage\n\n", megabytes(p.tiles_bytes));
  std::printf(
      "Times are estimates from %d frames and one tile of them on this machine with %d threads; writing the\n"
      "products and the final stack is not in them. Nothing was written.\n",
      p.sample_frames, p.threads);
  if (p.sample_frames < p.frames)
    std::printf("The pixels of the other %d frames were not looked at; the run does that before any tile.\n",
                p.frames - p.sample_frames);
  for (const std::string& warning : p.warnings)
    std::printf("warning    %s\n", escaped_lines(warning).c_str());
}

int print_recomputed(const RecomputeRequest& request) {
  const RecomputedTile tile = recompute_tile(request);
  std::printf("%s\nstored     %s\ncomputed   %s\n", tile.equal ? "equal" : "different",
              tile.stored_checksum.c_str(), tile.checksum.c_str());
  if (!tile.text.empty()) std::printf("%s\n", tile.text.c_str());
  return tile.equal ? 0 : 3;
}

int print_config(const std::string& file, const std::vector<std::string>& overrides) {
  if (file == "schema") {
    std::printf("%s\n", run_config_schema().dump(2).c_str());
    return 0;
  }
  const RunConfig config = load_run_config(file, overrides);
  if (const std::string text = ignored_keys_text(config); !text.empty()) log_warning(text);
  std::printf("%s", config_yaml(config).c_str());
  return 0;
}

}  // namespace

void set_up_plan(CLI::App& app, const ChooseAction& choose) {
  struct PlanFlags : RunFlags {
    double fwhm_px = 0;
    bool as_json = false;
  };
  const auto flags = std::make_shared<PlanFlags>();
  add_run_flags(app, *flags);
  app.add_option("--fwhm", flags->fwhm_px, "Seeing in px to plan with; default: measured on a few frames")
      ->check(CLI::Range(0.1, 1000.0));
  app.add_flag("--json", flags->as_json, "For machines");
  app.callback([flags, choose] {
    choose([flags] {
      const RunPlan plan = plan_run(make_request(*flags), flags->fwhm_px);
      if (flags->as_json)
        std::printf("%s\n", escaped_lines(plan_json(plan).dump(2)).c_str());
      else
        print_plan(plan);
      return 0;
    });
  });
}

void set_up_tile(CLI::App& app, const ChooseAction& choose) {
  const auto request = std::make_shared<RecomputeRequest>();
  const auto run = std::make_shared<std::string>(), output = std::make_shared<std::string>("out");
  app.add_option("run", *run, "Folder or UUID of the run, the first characters of it, or latest")->required();
  app.add_option("--output", *output, "Folder of the runs (output.dir)")->capture_default_str();
  app.add_option("id", request->tile_id, "tile_id")->required();
  app.add_option("--input-dir", request->folders.input_dir,
                 "Folder of the frames; default: as run.json says");
  app.add_option("--storage-root", request->folders.storage_root,
                 "Folder of the run's storage; default: as run.json says");
  app.add_flag("--synthetic", request->synthetic, "The tile of the synthetic frames");
  app.footer(
      "Exit code 0: equal to the byte; 3: different; 4: the run or its frames are not what they were.");
  app.callback([request, run, output, choose] {
    choose([request, run, output] {
      request->folders.run_dir = find_run_directory(*run, checked_text("output.dir", "--output", *output));
      return print_recomputed(*request);
    });
  });
}

namespace {
struct ReportFlags {
  std::string run, output = "out";
  std::vector<std::string> page;  // nothing, or one place
  std::filesystem::path input_dir;
  bool has_page = false;
};

int report(const ReportFlags& flags) {
  const std::string output = checked_text("output.dir", "--output", flags.output);
  if (!flags.has_page) {
    std::printf("%s\n", rewrite_report(flags.run, output).c_str());
    return 0;
  }
  serve_report({find_run_directory(flags.run, output), flags.input_dir, {}}, place_or_loopback(flags.page),
               stop_signal());
  return 128 + stop_signal().load();
}
}  // namespace

void set_up_report(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<ReportFlags>();
  app.add_option(
      "run", flags->run,
      "Folder or UUID of a run, or the first characters of it; default: the latest below --output");
  app.add_option("--output", flags->output, "Folder of the runs (output.dir)")->capture_default_str();
  app.add_option("--page", flags->page,
                 "Write nothing: show it in a browser, where a click tells all of a pixel, until Ctrl-C; "
                 "default: 127.0.0.1:8765")
      ->expected(0, 1)
      ->type_name("ADDR:PORT")
      ->each([flags](const std::string&) { flags->has_page = true; });
  app.add_option("--input-dir", flags->input_dir,
                 "With --page: folder of the frames; default: as run.json says");
  app.callback([flags, choose] { choose([flags] { return report(*flags); }); });
}

void set_up_config(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<RunFlags>();
  app.add_option("config", flags->file, "RUN.yaml, or the word schema for the JSON Schema")->required();
  app.add_option("--set", flags->overrides, "key.path=value over the file; repeatable")->take_all();
  app.callback([flags, choose] { choose([flags] { return print_config(flags->file, flags->overrides); }); });
}

}  // namespace tilecompile
