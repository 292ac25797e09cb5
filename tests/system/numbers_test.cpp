#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "run_program.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/frame/aperture.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A simulated night of 12 float frames, and nights of the same frames with other numbers.
class Numbers : public testing::Test {
 protected:
  Numbers() {
    const ProgramEnd made =
        run_program({"simulate", (folder_ / "ok").string(), "--frames", "12", "--width", "140", "--height",
                     "110", "--stars", "40", "--bitpix", "-32", "--drift", "6", "--no-nebula", "--quiet"});
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(made.out, "");
  }

  /// Copies the night with every sample but the empty borders passed through `change`.
  template <class Change>
  void make_night(const std::string& name, Change change) const {
    fs::create_directories(folder_ / name / "frames");
    int index = 0;
    for (const auto& item : fs::directory_iterator(folder_ / "ok/frames")) {
      Image image = FrameReader(item.path()).read_all();
      for (float& v : image.front().samples())
        if (v == v) v = static_cast<float>(change(static_cast<double>(v), index));
      write_image(folder_ / name / "frames" / item.path().filename(), image, {});
      ++index;
    }
  }

  ProgramEnd run(const std::string& night, std::vector<std::string> more) const {
    fs::remove_all(folder_ / (night + "_out"));
    write_text(folder_ / (night + ".yaml"), "input: {dir: " + (folder_ / night / "frames").string() +
                                                "}\noutput: {dir: " + (folder_ / (night + "_out")).string() +
                                                "}\ntile: {min_size: 32, size_factor: 8}\n");
    std::vector<std::string> arguments = {
        "run", (folder_ / (night + ".yaml")).string(), "--run-id", kRunId, "--threads", "2"};
    for (std::string& m : more) arguments.push_back(std::move(m));
    return run_program(arguments, {0, 0, 240, {}});
  }

  nlohmann::json record(const std::string& night) const {
    return nlohmann::json::parse(bytes_of(folder_ / (night + "_out") / kRunId / "run.json"));
  }

  /// Sum of the fluxes of the catalogue's stars inside the common area.
  double flux(const std::string& night, const std::string& product) const {
    const Image image = read_image(folder_ / (night + "_out") / kRunId / product);
    std::ifstream table(folder_ / "ok/catalogue.csv");
    std::string line;
    std::getline(table, line);
    double sum = 0;
    for (int stars = 0; std::getline(table, line) && stars < 40; ++stars) {
      double x = 0, y = 0;
      EXPECT_EQ(std::sscanf(line.c_str(), "%*d,%lf,%lf", &x, &y), 2) << line;
      const ApertureFlux star = aperture_flux(image.front().view(), x, y, 5, 8, 12);
      if (star.measured) sum += star.flux;
    }
    return sum;
  }

  /// Median number of frames a pixel of the classical stack.
  double coverage(const std::string& night) const {
    const Image map = read_image(folder_ / (night + "_out") / kRunId / "classical.coverage.fits");
    const auto& samples = map.front().samples();
    return median({samples.begin(), samples.end()});
  }

  TempDir folder_;
  static constexpr const char* kRunId = "0a1b2c3d-0000-4000-8000-000000000002";
  const std::vector<std::string> photometric_ = {"--set", "normalization.mode=photometric", "--set",
                                                 "validation.min_fwhm_improvement_percent=-1000"};
};

TEST_F(Numbers, SkiesAtAndBelowZeroGiveTheSamePictureWhereTheyAreSubtracted) {
  make_night("clean", [](double v, int) { return v; });
  make_night("negative", [](double v, int) { return v - 600; });
  make_night("zero", [](double v, int) { return v - 400; });
  for (const std::string extensions : {"v2", "seeing"}) {
    std::vector<std::string> flags = photometric_;
    flags.insert(flags.end(), {"--set", "local_metrics.mode=" + extensions});
    ASSERT_EQ(run("clean", flags).code, 0);
    const double clean = flux("clean", "reconstruction.fits");
    ASSERT_GT(clean, 0);
    for (const std::string night : {"negative", "zero"}) {
      const ProgramEnd end = run(night, flags);
      ASSERT_EQ(end.code, 0) << night << " " << end.err;
      EXPECT_NEAR(flux(night, "reconstruction.fits") / clean, 1, 0.01) << night << " " << extensions;
      EXPECT_NEAR(record(night)["seeing_px"].get<double>() / record("clean")["seeing_px"].get<double>(), 1,
                  0.01);
    }
  }
}

TEST_F(Numbers, WhereTheSkyDividesItsRefusalSaysWhatToDo) {
  make_night("negative", [](double v, int) { return v - 600; });
  const ProgramEnd divided = run("negative", {});
  EXPECT_EQ(divided.code, 4) << divided.err;
  EXPECT_THAT(divided.err, HasSubstr("set normalization.mode: photometric"));
  std::vector<std::string> flags = photometric_;
  flags.insert(flags.end(), {"--set", "output.units=normalized"});
  const ProgramEnd normalized = run("negative", flags);
  EXPECT_EQ(normalized.code, 4) << normalized.err;
  EXPECT_THAT(normalized.err, HasSubstr("set 'output.units: input'"));
}

TEST_F(Numbers, ZerosThatWereClippedAreSamples) {
  // The sky at 0 with half of its pixels clipped; borders of the drift are zeros too.
  make_night("clipped", [](double v, int) { return std::max(0.0, v - 400); });
  const ProgramEnd end = run("clipped", photometric_);
  ASSERT_EQ(end.code, 0) << end.err;
  EXPECT_THAT(end.out, HasSubstr("12 frames are clipped at 0 (up to "));
  EXPECT_GE(record("clipped")["reference_stars"], 8);
  EXPECT_EQ(coverage("clipped"), 12);
  std::vector<std::string> no_zero = photometric_;
  no_zero.insert(no_zero.end(), {"--set", "data.zero_is_nodata=true"});
  ASSERT_EQ(run("clipped", no_zero).code, 0);
  EXPECT_LT(coverage("clipped"), 10);
}

TEST_F(Numbers, AFrameOfAnotherScaleIsNamedWithTheFiguresOfBothGroups) {
  make_night("mixed", [](double v, int frame) { return frame == 3 ? v : v / 65535; });
  const ProgramEnd end = run("mixed", {});
  EXPECT_EQ(end.code, 4) << end.err;
  EXPECT_THAT(end.err, HasSubstr("1 of 12 frames cannot be used"));
  EXPECT_THAT(end.err, HasSubstr("its numbers are of another scale (background "));
  EXPECT_THAT(end.err, HasSubstr("than those of 11 frames (background 0.00"));
  const ProgramEnd without = run("mixed", {"--set", "input.on_bad_frame=quarantine", "--set",
                                           "validation.min_fwhm_improvement_percent=-1000"});
  EXPECT_EQ(without.code, 0) << without.err;
  EXPECT_EQ(record("mixed")["quarantined_frames"].size(), 1u);
  EXPECT_EQ(record("mixed")["frames"]["count"], 11);
}

TEST_F(Numbers, NamesWithControlCharactersReachNoTerminal) {
  make_night("names", [](double v, int) { return v; });
  const fs::path frames = folder_ / "names/frames";
  write_text(frames / "a\x1b[2J\nb.fits", "no picture");
  const ProgramEnd end = run("names", {});
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("a\\x1b[2J\\nb.fits: not a FITS file"));
  const ProgramEnd without = run("names", {"--set", "input.on_bad_frame=quarantine"});
  EXPECT_EQ(without.code, 0) << without.err;
  for (const std::string& text : {end.err, without.out, without.err})
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_EQ(record("names")["quarantined_frames"][0]["path"], "a\x1b[2J\nb.fits");
}

}  // namespace
}  // namespace tilecompile
