#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/coadd/verdict.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/order_statistics.hpp"

// A pattern planted into the final pictures of real runs is found, and none where nothing was planted.

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

const std::string kPatternRunId = "11111111-2222-4333-8444-777777777777";

struct Field {
  const char* name;
  const char* folder;  // of the real frames; nullptr: simulated
  const char* flags;
};

class PlantedPattern : public testing::TestWithParam<Field> {
 protected:
  /// Runs over the field; validation forbids a pattern.
  void run_field() {
    const Field& field = GetParam();
    fs::path frames = dir_ / "night/frames";
    if (field.folder == nullptr) {
      ASSERT_EQ(run_program("simulate '" + (dir_ / "night").string() +
                            "' --frames 20 --width 480 --height 400 --stars 150 --drift 40")
                    .exit_code,
                0);
    } else {
      frames = test_data() / field.folder;
    }
    std::ofstream(dir_ / "run.yaml") << "profile: v2\ninput: {dir: '" << frames.string() << "'}\n"
                                     << "validation: {require_no_tile_pattern: true}\n";
    const ProgramOutput end =
        run_program("run '" + (dir_ / "run.yaml").string() + "' --quiet --output '" + dir_.path().string() +
                    "' --run-id " + kPatternRunId + " " + field.flags);
    ASSERT_EQ(end.exit_code, 0) << end.text;
  }
  fs::path run_dir() const { return dir_ / kPatternRunId; }
  Grid grid() const {
    const auto stored = nlohmann::json::parse(file_text(run_dir() / "grid.json"));
    const auto frames = run_record(run_dir()).at("frames");
    Grid grid{frames.at("width"),   frames.at("height"), stored.at("tile_size"),
              stored.at("overlap"), stored.at("step"),   {}};
    for (const auto& t : stored.at("tiles"))
      grid.tiles.push_back({t.at("x0"), t.at("y0"), t.at("w"), t.at("h")});
    return grid;
  }

  TempDir dir_;
};

double pixel_noise(const Plane<float>& p) {
  std::vector<double> differences;
  for (int y = 0; y < p.height(); ++y)
    for (int x = 1; x < p.width(); ++x)
      if (const double d = static_cast<double>(p.at(x, y)) - p.at(x - 1, y); d == d) differences.push_back(d);
  return robust_sd(differences) / std::sqrt(2.0);
}

double sky_of(const Plane<float>& p) {
  std::vector<double> values;
  for (const float v : p.samples())
    if (v == v) values.push_back(v);
  return median(std::move(values));
}

/// Tiles times 1 +- gain, each over what the ones before it wrote.
Plane<float> planted(const Plane<float>& clean, const Grid& grid, double gain) {
  Plane<float> p = clean;
  const CounterRandom random(9);
  for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
    const Box& box = grid.tiles[t];
    const double factor = random.uniform(t) < 0.5 ? 1 - gain : 1 + gain;
    for (int y = box.y0; y < box.y1(); ++y)
      for (int x = box.x0; x < box.x1(); ++x) p.at(x, y) = static_cast<float>(factor * clean.at(x, y));
  }
  return p;
}

TEST_P(PlantedPattern, IsFoundAndNoneWhereNothingWasPlanted) {
  if (GetParam().folder != nullptr) TILECOMPILE_NEEDS_DATA(GetParam().folder)
  run_field();
  if (HasFatalFailure()) return;
  const Image classical = read_image(run_dir() / "classical.fits"),
              final = read_image(run_dir() / "stacked.fit");
  for (std::size_t c = 0; c < final.size(); ++c) {
    const TilePattern clean = tile_pattern(final[c], classical[c], grid());
    EXPECT_FALSE(clean.detected) << c << ": " << clean.amplitude;
    const double noise = pixel_noise(final[c]), sky = sky_of(final[c]);
    std::printf("%s channel %zu: noise %.2f %% of the sky, clean %.2f (significance %.1f)\n", GetParam().name,
                c, 100 * noise / sky, clean.amplitude, clean.significance);
    // Neighbours 1/2, 1 and 2 sigma apart, then by parts of the sky as far as they reach half a sigma.
    std::vector<double> gains = {0.25 * noise / sky, 0.5 * noise / sky, noise / sky};
    for (const double gain : {0.001, 0.003, 0.01, 0.03})
      if (gain > gains[0]) gains.push_back(gain);
    for (const double gain : gains) {
      VerdictInput input;
      input.pattern = tile_pattern(planted(final[c], grid(), gain), classical[c], grid());
      std::printf("  gains 1 +- %.3f %%: %.2f (significance %.1f)\n", 100 * gain, input.pattern.amplitude,
                  input.pattern.significance);
      EXPECT_TRUE(input.pattern.detected) << gain;
      ValidationParams params;
      params.require_no_tile_pattern = true;
      EXPECT_FALSE(judge(input, params).back().passed);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fields, PlantedPattern,
                         testing::Values(Field{"simulated", nullptr, ""},
                                         Field{"hatp32", "hatp32", "--set data.saturation=3800"},
                                         Field{"akb64", "akb64", "--set data.exposure_tolerance_percent=80"},
                                         Field{"seestar", "seestar_rgb", ""}),
                         [](const auto& param) { return param.param.name; });

// A colour night with a satellite in most frames: what is left of the trails in the plain mean crosses the
// lines of the grid and is no pattern of the picture, which has none of them.
TEST(TrailsOfThePlainMean, AreNoPatternOfThePicture) {
  const TempDir dir;
  ASSERT_EQ(run_program("simulate '" + (dir / "night").string() +
                        "' --frames 40 --width 400 --height 300 --channels 3 --seed 1 --stars 60 --trails 0.6"
                        " --fwhm-spread 0.2")
                .exit_code,
            0);
  std::ofstream(dir / "run.yaml") << "input: {dir: '" << (dir / "night/frames").string() << "'}\n";
  const ProgramOutput end =
      run_program("run '" + (dir / "run.yaml").string() + "' --quiet --output '" + dir.path().string() +
                  "' --run-id " + kPatternRunId + " --set data.frames_min=2 --set synthetic.enabled=true");
  ASSERT_EQ(end.exit_code, 0) << end.text;
  const auto record = run_record(dir / kPatternRunId);
  for (const char* product : {"reconstruction", "stack"})
    for (const auto& pattern : record.at("products").at(product).at("tile_pattern"))
      EXPECT_LT(pattern.at("amplitude").get<double>(), 1.5) << product;
}

}  // namespace
}  // namespace tilecompile
