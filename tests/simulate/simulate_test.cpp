#include "tilecompile/simulate/simulate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "file_tree.hpp"
#include "simulate/simulated_scene.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/frame/star_shape.hpp"

namespace tilecompile {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Rows of a table by column name.
std::vector<std::map<std::string, std::string>> read_csv(const std::filesystem::path& path) {
  std::istringstream file(bytes_of(path));
  const auto cells = [](const std::string& line) {
    std::vector<std::string> result;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) result.push_back(cell);
    return result;
  };
  std::string line;
  std::getline(file, line);
  const auto names = cells(line);
  std::vector<std::map<std::string, std::string>> rows;
  while (std::getline(file, line)) {
    const auto values = cells(line);
    rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) rows.back()[names[i]] = values.at(i);
  }
  return rows;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

SimulateOptions small() {
  SimulateOptions options;
  options.frames = 4;
  options.width = 331;
  options.height = 200;
  options.stars = 40;
  options.threads = 1;
  return options;
}

// A clean field whose stars can be measured one by one.
SimulateOptions clear_field() {
  SimulateOptions options = small();
  options.width = 1200;
  options.height = 800;
  options.stars = 120;
  options.nebula = false;
  options.hot_pixel_fraction = 0;
  options.cosmic_rays = 0;
  options.trail_probability = 0;
  return options;
}

bool alone(const SimulatedScene& scene, const SimulatedStar& star, const SimulateOptions& options,
           double distance) {
  if (star.x < 60 || star.y < 60 || star.x > options.width - 61 || star.y > options.height - 61) return false;
  return std::none_of(scene.stars.begin(), scene.stars.end(), [&](const SimulatedStar& other) {
    return &other != &star && std::hypot(other.x - star.x, other.y - star.y) < distance;
  });
}

TEST(Simulate, SameBytesWithOneThreadAndTwoAndOthersWithAnotherSeed) {
  TempDir folder;
  SimulateOptions options = small();
  options.trail_probability = 0.5;
  options.bad_fraction = 0.5;
  options.moving_objects = 2;
  simulate(options, folder / "one");
  options.threads = 2;
  simulate(options, folder / "two");
  options.seed = 2;
  simulate(options, folder / "other");
  const auto one = tree_of(folder / "one"), two = tree_of(folder / "two"), other = tree_of(folder / "other");
  ASSERT_EQ(one.size(), 4U + 6U);
  ASSERT_EQ(one.size(), two.size());
  for (const auto& [name, bytes] : one) {
    EXPECT_TRUE(bytes == two.at(name)) << name;
    if (name != "run.yaml") {
      EXPECT_FALSE(bytes == other.at(name)) << name;
    }
  }
}

TEST(Simulate, TheConfigurationNamesTheProfile) {
  const TempDir folder;
  SimulateOptions options = small();
  simulate(options, folder / "one");
  EXPECT_EQ(tree_of(folder / "one").at("run.yaml").rfind("profile: recommended\n", 0), 0U);
  options.profile = "v2";
  simulate(options, folder / "two");
  EXPECT_EQ(tree_of(folder / "two").at("run.yaml").rfind("profile: v2\n", 0), 0U);
}

TEST(Simulate, WhatTheDetectorDoesNotCoverIsExactlyZeroAndNothingElse) {
  TempDir folder;
  for (int bitpix : {16, -32})
    for (int channels : {1, 3}) {
      SimulateOptions options = small();
      options.sky_adu = 3;  // noise would take many pixels below 0
      options.bitpix = bitpix;
      options.channels = channels;
      const auto out = folder / (std::to_string(bitpix) + "x" + std::to_string(channels));
      simulate(options, out);
      for (auto& row : read_csv(out / "frames.csv")) {
        const Image image = read_image(out / row["path"]);
        ASSERT_EQ(image.size(), static_cast<std::size_t>(channels));
        const int dx = std::stoi(row["dx"]), dy = std::stoi(row["dy"]);
        for (const auto& plane : image) {
          ASSERT_EQ(plane.width(), 331);
          ASSERT_EQ(plane.height(), 200);
          int wrong = 0;
          for (int y = 0; y < 200; ++y)
            for (int x = 0; x < 331; ++x) {
              const bool covered = x - dx >= 0 && x - dx < 331 && y - dy >= 0 && y - dy < 200;
              wrong += (plane.at(x, y) != 0) == covered ? 0 : 1;
            }
          EXPECT_EQ(wrong, 0);
        }
      }
    }
}

TEST(Simulate, StarsHaveTheFwhmOfThePsfField) {
  TempDir folder;
  const SimulateOptions options = clear_field();
  simulate(options, folder / "out");
  const SimulatedScene scene = make_scene(options);
  const auto conditions = make_conditions(options);
  const auto rows = read_csv(folder / "out/frames.csv");
  // the data of a cube of 16 x 9 planes, big-endian float32, begins at a multiple of 2880 bytes
  const std::string cube = bytes_of(folder / "out/psf_field.fits");
  const std::size_t data = cube.size() - (4U * 16 * 9 * 4 + 2879) / 2880 * 2880;
  for (std::size_t frame = 0; frame < 4; ++frame) {
    const Image image = read_image(folder / "out" / rows[frame].at("path"));
    std::vector<double> ratios;
    for (const auto& star : scene.stars) {
      if (!alone(scene, star, options, 30) || star.flux < 5000) continue;
      const int column = static_cast<int>((star.x + 0.5) * 16 / 1200),
                row = static_cast<int>((star.y + 0.5) * 9 / 800);
      std::uint32_t bits = 0;
      for (std::size_t i = 0; i < 4; ++i)
        bits =
            bits << 8 | static_cast<unsigned char>(
                            cube[data + 4 * (frame * 144 + static_cast<std::size_t>(row * 16 + column)) + i]);
      const double cell = std::bit_cast<float>(bits);
      EXPECT_NEAR(cell / local_fwhm(conditions[frame], options, star.x, star.y), 1, 0.1);
      const StarShape shape = measure_star(image[0].view(), star.x, star.y, 9);
      if (shape.measured) ratios.push_back(shape.fwhm_px / cell);
    }
    ASSERT_GT(ratios.size(), 8U);
    EXPECT_NEAR(median(ratios), 1.0, 0.03);
  }
}

TEST(Simulate, ApertureFluxGivesTheTransparency) {
  TempDir folder;
  SimulateOptions options = clear_field();
  options.clouds = 0.8;
  options.sky_adu = 50;
  options.read_noise_e = 2;
  simulate(options, folder / "out");
  const SimulatedScene scene = make_scene(options);
  for (auto& row : read_csv(folder / "out/frames.csv")) {
    const Image image = read_image(folder / "out" / row["path"]);
    double seen = 0, known = 0;
    for (const auto& star : scene.stars) {
      if (!alone(scene, star, options, 50) || star.flux < 8000) continue;
      double flux = 0, sky = 0, n = 0, sky_n = 0;
      const int x0 = static_cast<int>(star.x), y0 = static_cast<int>(star.y);
      for (int y = y0 - 24; y <= y0 + 24; ++y)
        for (int x = x0 - 24; x <= x0 + 24; ++x) {
          const double r = std::hypot(x - star.x, y - star.y);
          (r < 14 ? flux : sky) += r < 14 || r > 18 ? image[0].at(x, y) : 0;
          (r < 14 ? n : sky_n) += r < 14 || r > 18 ? 1 : 0;
        }
      seen += flux - sky * n / sky_n;
      known += star.flux;
    }
    EXPECT_NEAR(seen / known / std::stod(row["transparency"]), 1.0, 0.02) << row["frame"];
  }
}

TEST(Simulate, TruthIsTheMeanOfManyFramesWithoutSky) {
  SimulateOptions options = small();
  options.clouds = options.fwhm_spread = options.seeing_field = options.drift_px = 0;
  options.cosmic_rays = options.hot_pixel_fraction = options.trail_probability = 0;
  const SimulatedScene scene = make_scene(options);
  SimulatedConditions ideal;
  Plane<float> truth(options.width, options.height);
  add_objects(scene, ideal, options, 0, truth);
  ideal.sky_adu = options.sky_adu;
  Plane<double> sum(options.width, options.height);
  const int frames = 60;
  for (int frame = 0; frame < frames; ++frame) {
    const Plane<float> plane = render_frame(scene, ideal, options, frame, 0);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.samples()[i] += plane.samples()[i];
  }
  double chi2 = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double expected = truth.samples()[i] + options.sky_adu;
    const double off = sum.samples()[i] / frames - expected;
    chi2 += off * off / ((expected + 25) / frames);
  }
  EXPECT_NEAR(chi2 / static_cast<double>(sum.size()), 1, 0.03);
}

// The same night without defects has the same noise, so the difference of two frames is the defects alone;
// only their own photon noise comes on top.
TEST(Simulate, DefectsAreWhereTheTableSays) {
  TempDir folder;
  SimulateOptions options = small();
  options.bitpix = -32;
  options.trail_probability = 0.5;
  options.moving_objects = 2;
  options.hot_pixel_fraction = 1e-3;
  simulate(options, folder / "with");
  options.trail_probability = options.hot_pixel_fraction = options.cosmic_rays = 0;
  options.moving_objects = 0;
  simulate(options, folder / "without");
  std::map<std::string, std::map<std::pair<int, int>, double>> added;  // by frame and pixel
  std::map<std::string, int> kinds;
  for (auto& row : read_csv(folder / "with/defects.csv")) {
    added[row["frame"]][{std::stoi(row["x"]), std::stoi(row["y"])}] += std::stod(row["adu"]);
    ++kinds[row["kind"]];
  }
  EXPECT_EQ(kinds.size(), 4U);
  for (auto& row : read_csv(folder / "with/frames.csv")) {
    const auto path = row["path"];
    const Image with = read_image(folder / "with" / path), without = read_image(folder / "without" / path);
    const auto& defects = added[row["frame"]];
    int wrong = 0;
    for (int y = 0; y < options.height; ++y)
      for (int x = 0; x < options.width; ++x) {
        const double before = without[0].at(x, y);
        const auto at = defects.find({x, y});
        const double expected = before == 0 || at == defects.end() ? 0 : at->second;
        if (before + expected > 60000) continue;  // clipped
        const double off = with[0].at(x, y) - before - expected;
        // several tails below 1 ADU may meet; noise grows from sqrt(sky) to sqrt(sky + defect), 4.5 sigma at
        // most
        wrong += std::abs(off) > 4 + 4.5 * (std::sqrt(600 + expected) - std::sqrt(300)) ? 1 : 0;
      }
    EXPECT_EQ(wrong, 0) << path;
  }
  EXPECT_EQ(read_csv(folder / "without/defects.csv").size(), 0U);
}

TEST(Simulate, BadFramesAreTwiceAsWideOrTrailed) {
  SimulateOptions options = small();
  options.frames = 400;
  options.bad_fraction = 0.25;
  const auto bad = make_conditions(options);
  options.bad_fraction = 0;
  const auto good = make_conditions(options);
  int count = 0, trailed = 0;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    count += bad[i].bad ? 1 : 0;
    trailed += bad[i].axis_ratio < 1 ? 1 : 0;
    const double factor = !bad[i].bad ? 1 : bad[i].axis_ratio < 1 ? std::sqrt(2.0) : 2;
    EXPECT_NEAR(bad[i].fwhm_px / good[i].fwhm_px, factor, 1e-12);
  }
  EXPECT_NEAR(count, 100, 35);
  EXPECT_NEAR(trailed, count / 2, 25);
}

TEST(Simulate, TrailedStarsMeasureAsTheirConditionsSay) {
  SimulateOptions options = clear_field();
  const SimulatedScene scene = make_scene(options);
  SimulatedConditions c;
  c.fwhm_px = 4;
  c.axis_ratio = 0.5;
  c.cosine = 0.6;
  c.sine = 0.8;
  Plane<float> plane(options.width, options.height);
  add_objects(scene, c, options, 0, plane);
  for (const auto& star : scene.stars) {
    if (!alone(scene, star, options, 60)) continue;
    const StarShape shape = measure_star(plane.view(), star.x, star.y, 10);
    ASSERT_TRUE(shape.measured);
    EXPECT_NEAR(shape.fwhm_px, 4, 0.12);
    EXPECT_NEAR(shape.axis_ratio, 0.5, 0.02);
  }
}

TEST(Simulate, GuidingErrorsKeepTheLightAndWidenTheNoiseArea) {
  SimulateOptions options = small();
  options.frames = 300;
  options.faults.trailed_fraction = 0.2;
  options.faults.doubled_fraction = 0.1;
  int trailed = 0, doubled = 0;
  for (const SimulatedConditions& c : make_conditions(options)) {
    if (c.guiding.empty()) {
      EXPECT_EQ(broadening(c), 1);
      continue;
    }
    double share = 0;
    for (const GuidingStep& step : c.guiding) share += step.share;
    EXPECT_NEAR(share, 1, 1e-12);
    ++(c.guiding.size() == 2 ? doubled : trailed);
    if (trailed + doubled > 4) continue;
    EXPECT_GT(broadening(c), 1.05);
    EXPECT_LT(broadening(c), 1.8);
  }
  EXPECT_NEAR(trailed, 60, 25);
  EXPECT_NEAR(doubled, 30, 20);
}

TEST(Simulate, DustStaysOnTheDetectorAndBrightStarsSaturateWithHaloAndStreak) {
  SimulateOptions options = clear_field();
  options.stars = 0;
  options.faults.dust_shadows = 1;
  options.faults.bright_stars = 1;
  SimulatedScene scene = make_scene(options);
  scene.dust = {{400, 300, 12, 0.5}};
  scene.bright_stars = {{800, 500, 5e6}};
  SimulatedConditions c;
  c.sky_adu = 400;
  c.dx = 7;
  c.dy = -4;
  const Plane<float> plane = render_frame(scene, c, options, 0, 0);
  const auto mean = [&](int x0, int y0, int x1, int y1) {
    double sum = 0;
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x) sum += plane.at(x, y);
    return sum / ((x1 - x0) * (y1 - y0));
  };
  EXPECT_NEAR(mean(404, 293, 411, 300), 400 * (1 - 0.5 * 0.62), 12) << "the centre takes 0.6 of the depth";
  EXPECT_NEAR(mean(440, 293, 447, 300), 401, 12);
  EXPECT_EQ(plane.at(800, 500), 65535);
  EXPECT_GT(mean(830, 490, 850, 510), 402.5) << "halo";
  EXPECT_GT(mean(800, 50, 801, 250), mean(780, 50, 790, 250) + 2) << "streak";
}

TEST(Simulate, AnAsteroidCrossesTheMiddle) {
  SimulateOptions options = small();
  EXPECT_TRUE(make_scene(options).moving_objects.empty());
  options.faults.asteroid_adu = 1e5;
  const auto objects = make_scene(options).moving_objects;
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_NEAR(objects[0].x0 + 0.5 * objects[0].dx, 0.5 * options.width, 1e-9);
  EXPECT_NEAR(std::hypot(objects[0].dx, objects[0].dy), 0.7 * options.height, 1e-6);
  EXPECT_EQ(objects[0].flux, 1e5);
}

TEST(Simulate, RefusesOptionsOutOfRangeAndAFolderInUse) {
  TempDir folder;
  SimulateOptions options = small();
  options.channels = 2;
  EXPECT_THROW(simulate(options, folder / "out"), UsageError);
  options = small();
  options.faults.trailed_fraction = options.faults.doubled_fraction = 0.6;
  EXPECT_THROW(simulate(options, folder / "out"), UsageError);
  options = small();
  options.fwhm_px = std::nan("");
  EXPECT_THROW(simulate(options, folder / "out"), UsageError);
  options = small();
  options.frames = 1;
  simulate(options, folder / "out");
  EXPECT_THROW(simulate(options, folder / "out"), UsageError);
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(simulate(options, folder / "file"), TransientError);
}

}  // namespace
}  // namespace tilecompile
