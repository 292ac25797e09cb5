#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_files.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ConfigErrors, UnknownKeyWithPositionAndSuggestion) {
  EXPECT_EQ(run_error("tile:\n  overlap_fracton: 0.2\n"),
            "F:2:3: unknown key 'tile.overlap_fracton'; did you mean 'tile.overlap_fraction'?");
  EXPECT_EQ(run_error("# x\ntiles: {min_size: 5}\n"), "F:2:1: unknown key 'tiles'; did you mean 'tile'?");
  EXPECT_EQ(run_error("tile: {min_size: 64, threads: 2}\n"),
            "F:1:22: unknown key 'tile.threads'; did you mean 'parallel.threads'?");
  EXPECT_EQ(run_error("overlap_fraction: 0.2\n"),
            "F:1:1: unknown key 'overlap_fraction'; did you mean 'tile.overlap_fraction'?");
  EXPECT_EQ(run_error("output: {zzzzzz: 1}\n"),
            "F:1:10: unknown key 'output.zzzzzz'; 'output' takes dir, units, name, tiff, tile_metrics");
  EXPECT_EQ(run_error("worker_id: a\n"),
            "F:1:1: unknown key 'worker_id'; it belongs to the configuration of a worker, not of a run");
  EXPECT_EQ(run_error("tile.min_size: 64\n"),
            "F:1:1: unknown key 'tile.min_size'; write sections nested, not with dots");
  EXPECT_THAT(run_error("qqqqqqqqqq: 1\n"),
              StartsWith("F:1:1: unknown key 'qqqqqqqqqq'; the sections are data, "));
}

TEST(ConfigErrors, WrongTypeAndRange) {
  EXPECT_EQ(run_error("tile:\n  min_size: abc\n"),
            "F:2:13: 'tile.min_size' must be an integer from 1 to 65536, found the text 'abc'");
  EXPECT_EQ(run_error("tile: {min_size: 64.5}\n"),
            "F:1:18: 'tile.min_size' must be an integer from 1 to 65536, found 64.5");
  EXPECT_EQ(run_error("tile: {overlap_fraction: 0.51}\n"),
            "F:1:26: 'tile.overlap_fraction' must be a number from 0 to 0.5, found 0.51");
  EXPECT_EQ(run_error("tile: {overlap_fraction: .nan}\n"),
            "F:1:26: 'tile.overlap_fraction' must be a number from 0 to 0.5, found .nan");
  EXPECT_EQ(run_error("tile: {size_factor: -.inf}\n"),
            "F:1:21: 'tile.size_factor' must be a number from 1 to 1000, found -.inf");
  EXPECT_THAT(run_error("tile: {size_factor: 1e999}\n"), HasSubstr("found .inf"));
  EXPECT_THAT(run_error("tile: {size_factor: nan}\n"), HasSubstr("found the text 'nan'"));
  EXPECT_THAT(run_error("tile: {min_size: 0100}\n"), HasSubstr("found the text '0100'"));
  EXPECT_THAT(run_error("tile: {min_size: 99999999999999999999}\n"), HasSubstr("must be an integer from"));
  EXPECT_EQ(run_error("data: {linear_required: yes}\n"),
            "F:1:25: 'data.linear_required' must be true or false, found the text 'yes'");
  EXPECT_EQ(run_error("tile:\n  min_size:\n  star_min_count: 3\n"),
            "F:2:3: 'tile.min_size' must be an integer from 1 to 65536, found nothing");
  EXPECT_EQ(run_error("tile: {min_size: {a: 1}}\n"),
            "F:1:18: 'tile.min_size' must be an integer from 1 to 65536, found a section of keys");
  EXPECT_EQ(run_error("tile: 5\n"), "F:1:7: 'tile' is a section of keys such as 'tile.size_factor', found 5");
  EXPECT_EQ(
      run_error("output: {dir: 7}\n"),
      "F:1:15: 'output.dir' must be a path (~ and ~/... are your home folder, ~name is not known), found 7");
  EXPECT_EQ(run_error("parallel: {batch: 0}\n"),
            "F:1:19: 'parallel.batch' must be auto or an integer from 1 to 65536, found 0");
}

TEST(ConfigErrors, Words) {
  EXPECT_EQ(run_error("data: {color_mode: osc}\n"),
            "F:1:20: 'data.color_mode' must be one of 'auto', 'MONO', 'OSC', 'RGB', found the text 'osc'");
  EXPECT_EQ(run_error("synthetic: {enabled: \"true\"}\n"),
            "F:1:22: 'synthetic.enabled' must be one of 'auto', true, false, found the text 'true'");
  EXPECT_EQ(run_error("reconstruction: {window_function: boxcar}\n"),
            "F:1:35: 'reconstruction.window_function' must be 'hanning', found the text 'boxcar'");
  EXPECT_EQ(run_error("synthetic: {clustering: {vector: [noise]}}\n"),
            "F:1:34: 'synthetic.clustering.vector' must be the list ['global_weight', 'tile_quality_mean', "
            "'tile_quality_variance', 'background', 'noise'], found the list ['noise']");
  EXPECT_EQ(
      run_error("normalization:\n  enabled: false\n"),
      "F:2:12: 'normalization.enabled' must be true (without it the sky's brightness, not the sharpness, "
      "would decide the weights), found false");
  EXPECT_THAT(run_error("normalization: {per_channel: false}\n"),
              StartsWith("F:1:30: 'normalization.per_channel' must be true (channels never mix"));
}

TEST(ConfigErrors, Clamps) {
  const std::string allowed =
      "'global_metrics.clamp' must be [low, high] with low < high, both from -50 to 50, ";
  EXPECT_EQ(run_error("global_metrics: {clamp: [3, -3]}\n"), "F:1:25: " + allowed + "found the list [3, -3]");
  EXPECT_EQ(run_error("global_metrics: {clamp: [1, 1]}\n"), "F:1:25: " + allowed + "found the list [1, 1]");
  EXPECT_EQ(run_error("global_metrics: {clamp: 3}\n"), "F:1:25: " + allowed + "found 3");
  EXPECT_EQ(run_error("global_metrics: {clamp: [0, .inf]}\n"),
            "F:1:25: " + allowed + "found the list [0, .inf]");
  EXPECT_EQ(run_error("global_metrics: {clamp: [0, 1, 2]}\n"),
            "F:1:25: " + allowed + "found the list [0, 1, 2]");
  EXPECT_EQ(run_error("global_metrics: {clamp: [[0], 1]}\n"),
            "F:1:25: " + allowed + "found the list [..., 1]");
}

TEST(ConfigErrors, PathsStayBelowTheRun) {
  for (const char* path : {"/etc/x.fits", "../x.fits", "a/../../x.fits", "x.png", "''", ".fits"}) {
    EXPECT_THAT(
        run_error("stacking: {output_file: " + std::string(path) + "}\n"),
        StartsWith("F:1:25: 'stacking.output_file' must be a relative path without '..' that ends in "))
        << path;
  }
  EXPECT_EQ(run_error("stacking: {output_file: a/b..c.fits}\n"), "");
  for (const char* key : {"stacking.input_dir", "stacking.input_pattern", "registration.output_dir",
                          "registration.registered_filename_pattern"}) {
    for (const char* path : {"..", "a/..", "/a", ""}) {
      EXPECT_THAT(run_error("", {std::string(key) + "=" + path}), HasSubstr("must be a relative path"))
          << key;
    }
  }
  EXPECT_THAT(run_error("input: {pattern: a/*.fits}\n"), HasSubstr("without '/'"));
}

TEST(ConfigErrors, RulesOverSeveralKeys) {
  EXPECT_EQ(
      run_error("global_metrics:\n  weights:\n    noise: 0.2\n"),
      "F:3:12: the weights of 'global_metrics.weights' must sum to 1, found 0.9: background 0.4 + noise "
      "0.2 + gradient 0.3");
  EXPECT_THAT(run_error("local_metrics: {star_mode: {weights: {fwhm: 0.7}}}\n"),
              StartsWith("F:1:45: the weights of 'local_metrics.star_mode.weights' must sum to 1"));
  EXPECT_THAT(run_error("", {"local_metrics.structure_mode.metric_weight=0.6"}),
              StartsWith("--set local_metrics.structure_mode.metric_weight: the weights of "
                         "'local_metrics.structure_mode' must sum to 1"));
  EXPECT_EQ(run_error("global_metrics: {weights: {noise: 0.3000000001}}\n"), "");
  EXPECT_NE(run_error("global_metrics: {weights: {noise: 0.300000002}}\n"), "");
  EXPECT_EQ(run_error("synthetic: {frames_min: 40}\n"),
            "F:1:25: 'synthetic.frames_min' must not exceed 'synthetic.frames_max', found 40 and 30");
  EXPECT_EQ(
      run_error("stacking: {output_file: classical.fits}\n"),
      "F:1:25: 'stacking.output_file' would overwrite another product of the run, found 'classical.fits'");
}

TEST(ConfigErrors, FrameChunksAreRefusedWithWhatNeedsAllFrames) {
  EXPECT_EQ(run_error("parallel: {frame_chunks: 2}\nlocal_metrics: {mode: seeing}\n"), "");
  EXPECT_EQ(run_error("parallel: {frame_chunks: 2}\nreconstruction: {local_sky: mean}\n"), "");
  EXPECT_EQ(run_error("parallel: {frame_chunks: 0}\ndiagnostics: {enabled: true}\n"), "");
  EXPECT_EQ(run_error("parallel: {frame_chunks: 2}\nreconstruction: {rejection: sigma_clip}\n"),
            "F:1:26: 'parallel.frame_chunks' computes tiles from some of their frames at a time, which "
            "'reconstruction.rejection: sigma_clip' does not allow: set 'parallel.frame_chunks: 0' or "
            "'reconstruction.rejection' to its default");
  EXPECT_THAT(run_error("parallel: {frame_chunks: 2}\nreconstruction: {noise_guard: significance}\n"),
              HasSubstr("'reconstruction.noise_guard: significance' does not allow"));
  EXPECT_THAT(run_error("parallel: {frame_chunks: 2}\ndiagnostics: {enabled: true}\n"),
              HasSubstr("'diagnostics.enabled: true' does not allow"));
}

TEST(ConfigErrors, ExpectedWorkers) {
  EXPECT_THAT(run_error("workers:\n  - {id: a}\n  - {id: a}\n"), HasSubstr("each id once"));
  EXPECT_THAT(run_error("workers: [{adress: x}]\n"), HasSubstr("'workers' must be a list of {id: text"));
  EXPECT_EQ(
      run_error("workers:\n  - {id: barn-1, address: \"100.64.0.7:22\", capacity: 8}\n  - id: barn-2\n"), "");
}

TEST(ConfigErrors, AVhostOfItsOwnIsNotTheCommonOne) {
  EXPECT_THAT(run_error("parallel: {isolation: vhost}\n"), HasSubstr("'broker.vhost', found the common one"));
  EXPECT_EQ(run_error("parallel: {isolation: vhost}\nbroker: {vhost: night}\n"), "");
}

TEST(ConfigErrors, Overrides) {
  EXPECT_EQ(run_error("", {"tile.overlap_fracton=0.1"}),
            "--set tile.overlap_fracton: unknown key 'tile.overlap_fracton'; did you mean "
            "'tile.overlap_fraction'?");
  EXPECT_EQ(run_error("", {"tile.min_size=big"}),
            "--set tile.min_size: 'tile.min_size' must be an integer from 1 to 65536, found the text 'big'");
  EXPECT_EQ(run_error("", {"tile.min_size="}),
            "--set tile.min_size: 'tile.min_size' must be an integer from 1 to 65536, found nothing");
  EXPECT_EQ(run_error("", {"tile={}"}),
            "--set tile: 'tile' is a section; set one of its keys, such as 'tile.size_factor'");
  EXPECT_EQ(run_error("", {"tile.min_size"}), "--set tile.min_size: must have the form key.path=value");
  EXPECT_EQ(run_error("", {"=3"}), "--set =3: must have the form key.path=value");
  EXPECT_THAT(run_error("", {"global_metrics.clamp=[1,"}), HasSubstr("a bracket or brace is left open"));
  EXPECT_EQ(run_error("", {"output.dir=\xff"}), "--set output.dir: not valid UTF-8");
}

TEST(ConfigErrors, AllProblemsAtOnce) {
  EXPECT_EQ(run_error("tile: {min_sice: 1, overlap_fraction: 2}\n", {"output.units=x"}),
            "F:1:8: unknown key 'tile.min_sice'; did you mean 'tile.min_size'?\n"
            "F:1:39: 'tile.overlap_fraction' must be a number from 0 to 0.5, found 2\n"
            "--set output.units: 'output.units' must be one of 'input', 'normalized', found the text 'x'");
}

TEST(ConfigErrors, Files) {
  const TempDir dir;
  const auto load = [](const std::filesystem::path& path) {
    return error_text<UsageError>([&] { load_run_config(path, {}); });
  };
  EXPECT_EQ(load(dir / "none.yaml"), "cannot read configuration file '" + (dir / "none.yaml").string() +
                                         "': No such file or directory; check the path, or start from "
                                         "config/deep-sky.yaml");
  EXPECT_THAT(load(dir.path()), HasSubstr("it is a folder"));
  EXPECT_THAT(run_error(std::string((1 << 20) + 1, '#')), HasSubstr("larger than 1 MiB"));
  EXPECT_EQ(run_error(std::string(1 << 20, '#')), "");
}

}  // namespace
}  // namespace tilecompile
