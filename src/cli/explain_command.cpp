#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command_table.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/run_status.hpp"
#include "tilecompile/review/explain.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostShown = 30;  // frames with a share, unless all are asked for

struct ExplainFlags {
  ExplainRequest request;
  std::string run, output = "out";
  bool as_json = false, all = false;
};

// The tile with the largest part in the pixel; its figures stand in the table.
const ExplainedTile& main_tile(const ExplainedPixel& pixel) {
  return *std::max_element(
      pixel.tiles.begin(), pixel.tiles.end(),
      [](const ExplainedTile& a, const ExplainedTile& b) { return a.window_share < b.window_share; });
}

void print_tiles(const ExplainedPixel& pixel, std::size_t c) {
  for (const ExplainedTile& tile : pixel.tiles) {
    const PixelStory& story = tile.channels[c];
    std::printf("tile       %d, %s, %.1f %% of the pixel: %.6g", tile.tile_id,
                tile.kind == TileKind::kStar ? "judged by its stars" : "judged by its structure",
                100 * tile.window_share, story.value * pixel.output_scale[c]);
    if (story.plain) std::printf(", the plain mean (rejection would keep too few frames)");
    if (story.sharp_share < 1)
      std::printf(", %.0f %% by sharpness, the rest by noise alone", 100 * story.sharp_share);
    std::printf("\n");
  }
}

void print_frame(const ExplainedFrame& frame, const FrameAtPixel& part, const PixelStory& story,
                 double scale) {
  std::printf("%8.3f %11.5g %10.4g %9.3g %9.3g %6.2f %6.2f %10.4g %7.3f  %s", 100 * frame.share,
              part.value * scale, part.sky * scale, part.frame_weight, std::exp(part.quality),
              part.border_ramp, frame.fwhm_px, frame.noise * scale, frame.flux_scale,
              escaped(frame.path).c_str());
  if (frame.cluster >= 0) std::printf("  group %d", frame.cluster);
  const std::string reason = reason_text(part, story);
  std::printf("%s%s\n", reason.empty() ? "" : "  ", reason.c_str());
}

// Largest share first; then what was rejected, then frames that see nothing here.
void print_frames(const ExplainedPixel& pixel, std::size_t c, bool all) {
  const PixelStory& story = main_tile(pixel).channels[c];
  std::vector<ExplainedFrame> frames = pixel.frames[c];
  const auto part = [&](const ExplainedFrame& f) { return story.frames[static_cast<std::size_t>(f.frame)]; };
  const auto rank = [&](const ExplainedFrame& f) { return !part(f).covered ? 2 : part(f).rejected ? 1 : 0; };
  std::stable_sort(frames.begin(), frames.end(), [&](const ExplainedFrame& a, const ExplainedFrame& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : a.share > b.share;
  });
  std::printf("\n%8s %11s %10s %9s %9s %6s %6s %10s %7s  %s\n", "share %", "value", "own sky", "frame",
              "local", "border", "FWHM", "noise", "flux", "frame file");
  std::size_t shown = 0, left_out = 0, blind = 0, rejected = 0;
  for (const ExplainedFrame& frame : frames) {
    const FrameAtPixel here = part(frame);
    rejected += here.rejected ? 1 : 0;
    blind += here.covered ? 0 : 1;
    if (!all && (!here.covered || (!here.rejected && ++shown > kMostShown))) {
      left_out += here.covered ? 1 : 0;
      continue;
    }
    print_frame(frame, here, story, pixel.output_scale[c]);
  }
  std::printf("\n%zu frames, %zu rejected here, %zu see nothing here", frames.size(), rejected, blind);
  if (left_out > 0) std::printf("; %zu with smaller shares are left out, --all shows them", left_out);
  std::printf("\n");
}

void print_explained(const ExplainedPixel& pixel, bool all) {
  std::printf("run        %s\npixel      %d, %d, counted from 0 (ds9 and Siril call it %d, %d)\n",
              pixel.run_id.c_str(), pixel.x, pixel.y, pixel.x + 1, pixel.y + 1);
  for (std::size_t c = 0; c < pixel.channels.size(); ++c) {
    std::printf("\nchannel    %d: %.6g in reconstruction.fits\n", pixel.channels[c], pixel.picture[c]);
    print_tiles(pixel, c);
    print_frames(pixel, c, all);
  }
  std::printf(
      "\nA frame's share is frame x local x border over the sum of all. frame: what it weighs by its "
      "figures\n"
      "over the whole image; local: by its sharpness in this tile; own sky: what was taken from it first. "
      "Where\n"
      "the noise guard holds (\"by noise alone\"), local does not count.\n");
}

int explain(const ExplainFlags& flags) {
  ExplainRequest request = flags.request;
  request.folders.run_dir =
      find_run_directory(flags.run, checked_text("output.dir", "--output", flags.output));
  const ExplainedPixel pixel = explain_pixel(request);
  if (flags.as_json)
    std::printf("%s\n", escaped_lines(explained_json(pixel).dump(2)).c_str());
  else
    print_explained(pixel, flags.all);
  return 0;
}

}  // namespace

void set_up_explain(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<ExplainFlags>();
  app.add_option("run", flags->run, "Folder or UUID of the run, the first characters of it, or latest")
      ->required();
  app.add_option("x", flags->request.x, "Column, counted from 0")->required();
  app.add_option("y", flags->request.y, "Row, counted from 0; the first row of the file first")->required();
  app.add_option("--channel", flags->request.channel, "0, 1 or 2; default: all")->check(CLI::Range(0, 2));
  app.add_flag("--all", flags->all,
               "Every frame, also those with small shares and those that see nothing here");
  app.add_flag("--json", flags->as_json, "For machines");
  app.add_option("--input-dir", flags->request.folders.input_dir,
                 "Folder of the frames; default: as run.json says");
  app.add_option("--output", flags->output, "Folder of the runs (output.dir)")->capture_default_str();
  app.footer("Reads the frames again. Exit code 4: they are not what or where they were.");
  app.callback([flags, choose] { choose([flags] { return explain(*flags); }); });
}

}  // namespace tilecompile
