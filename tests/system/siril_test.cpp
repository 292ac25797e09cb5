#include "tilecompile/siril/siril.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/siril/child_process.hpp"

// Raw frames through an installed Siril, and its check of the final stack, by the built program.

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSirilRunId = "11111111-2222-4333-8444-555555555555";
constexpr int kMargin = 16;  // largest offset between two frames

struct Offset {
  int x, y;
};
Offset offset_of(int frame) { return {frame * 7 % (kMargin + 1), frame * 5 % (kMargin + 1)}; }

std::vector<Plane<std::uint16_t>> cropped(const Image& image, Offset at) {
  std::vector<Plane<std::uint16_t>> result;
  for (const Plane<float>& plane : image) {
    Plane<std::uint16_t> part(plane.width() - kMargin, plane.height() - kMargin);
    for (int y = 0; y < part.height(); ++y)
      for (int x = 0; x < part.width(); ++x)
        part.at(x, y) = static_cast<std::uint16_t>(std::lround(plane.at(x + at.x, y + at.y)));
    result.push_back(std::move(part));
  }
  return result;
}

ProductHeader raw_header(int frame) {
  ProductHeader header;
  header.cards = {{"EXPTIME", 10.0, "[s]"},
                  {"DATE-OBS", "2024-01-01T00:00:" + std::to_string(10 + frame), ""}};
  return header;
}

std::string numbered(const std::string& before, int frame, const std::string& after) {
  return before + std::to_string(frame) + after;
}

class Siril : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("siril-cli").empty()) return;
    if (std::getenv("CI") != nullptr) FAIL() << "no siril-cli";
    GTEST_SKIP() << "no siril-cli";
  }

  // Simulated registered frames in night/frames, without borders.
  std::vector<fs::path> simulate(const std::string& flags) const {
    const ProgramOutput made =
        run_program("simulate '" + (dir_ / "night").string() +
                    "' --frames 12 --width 396 --height 316 --stars 900 --clouds 0 --drift 0 " + flags);
    EXPECT_EQ(made.exit_code, 0) << made.text;
    std::vector<fs::path> frames;
    for (const auto& entry : fs::directory_iterator(dir_ / "night/frames")) frames.push_back(entry.path());
    std::sort(frames.begin(), frames.end());
    return frames;
  }

  // The frames cut out at different places: they must be registered.
  void cut(const std::vector<fs::path>& frames, const std::set<int>& starless = {}) const {
    fs::create_directories(dir_ / "raw");
    for (int f = 0; f < static_cast<int>(frames.size()); ++f) {
      Image image = read_image(frames[static_cast<std::size_t>(f)]);
      if (starless.contains(f))
        for (std::size_t i = 0; i < image[0].size(); ++i)
          image[0].samples()[i] = 400.0F + static_cast<float>(i * 7919 % 13);
      write_image(dir_ / "raw" / numbered("light_", f + 1, ".fits"), cropped(image, offset_of(f)),
                  raw_header(f));
    }
  }

  ProgramOutput run(const std::string& flags, const std::string& output = "runs") const {
    std::ofstream(dir_ / "run.yaml")
        << "input: {dir: raw, stage: raw}\nregistration: {engine: siril, min_star_matches: 20}\n";
    return run_program("run '" + (dir_ / "run.yaml").string() + "' --run-id " + kSirilRunId + " --output '" +
                       (dir_ / output).string() + "' " + flags);
  }
  fs::path run_dir(const std::string& output = "runs") const { return dir_ / output / kSirilRunId; }

  // Every pixel is covered by the frames whose cut-out, laid onto the reference's, holds it; at the rim a
  // pixel more or less.
  void expect_coverage(int frames, int reference) const {
    const Plane<float> coverage = read_image(run_dir() / "reconstruction.coverage.fits")[0];
    const Offset zero = offset_of(reference);
    for (int y = 0; y < coverage.height(); y += 3)
      for (int x = 0; x < coverage.width(); x += 3) {
        int sure = 0, possible = 0;
        for (int f = 0; f < frames; ++f) {
          const int fx = x + zero.x - offset_of(f).x, fy = y + zero.y - offset_of(f).y;
          const int rim = std::min({fx, fy, coverage.width() - 1 - fx, coverage.height() - 1 - fy});
          sure += rim >= 2 ? 1 : 0;
          possible += rim >= -2 ? 1 : 0;
        }
        ASSERT_GE(coverage.at(x, y), sure) << x << ' ' << y;
        ASSERT_LE(coverage.at(x, y), possible) << x << ' ' << y;
      }
  }

  TempDir dir_;
};

TEST_F(Siril, RegistersAndStacksRawFramesInOneCommand) {
  cut(simulate(""));
  const std::string flags =
      "--set synthetic.enabled=true --set synthetic.frames_min=2 --set stacking.engine=siril";
  const ProgramOutput first = run(flags);
  ASSERT_EQ(first.exit_code, 0) << first.text;
  EXPECT_THAT(first.text, HasSubstr("frames registered"));
  EXPECT_THAT(first.text, HasSubstr("reference=light_7.fits"));
  EXPECT_THAT(first.text, HasSubstr("Siril's mean of the synthetic frames agrees with ours"));
  const auto record = run_record(run_dir());
  EXPECT_EQ(record.at("frames").at("count"), 12);
  EXPECT_EQ(record.at("frames").at("width"), 396 - kMargin);
  const double fwhm = record.at("seeing_px");
  EXPECT_GT(fwhm, 2.0);
  EXPECT_LT(fwhm, 4.5);  // simulated: 3
  expect_coverage(12, 6);
  EXPECT_TRUE(fs::exists(run_dir() / "registered/reg_00012.fit"));
  EXPECT_FALSE(fs::exists(run_dir() / "siril"));
  EXPECT_THAT(file_text(run_dir() / "events.jsonl"), HasSubstr("stack_checked"));

  const ProgramOutput again = run(flags + " --threads 1", "again");
  ASSERT_EQ(again.exit_code, 0) << again.text;
  EXPECT_EQ(product_digests(run_dir()), product_digests(run_dir("again")));
  EXPECT_EQ(file_text(run_dir() / "manifest.json"), file_text(run_dir("again") / "manifest.json"));
}

TEST_F(Siril, KeepsTheValuesOfTheReference) {
  cut(simulate(""));
  const ProgramOutput done =
      run("--set registration.reference=light_3.fits --set "
          "registration.registered_filename_pattern=f{index}.fits "
          "--set registration.output_dir=aligned/here --set registration.allow_rotation=false");
  ASSERT_EQ(done.exit_code, 0) << done.text;
  const Image raw = read_image(dir_ / "raw/light_3.fits"),
              registered = read_image(run_dir() / "aligned/here/f3.fits");
  for (std::size_t i = 0; i < raw[0].size(); ++i)
    ASSERT_NEAR(raw[0].samples()[i], registered[0].samples()[i], 0.01);
  EXPECT_EQ(FrameReader(run_dir() / "aligned/here/f5.fits", ZeroIsNodata::kAlways).facts().time.date_obs,
            "2024-01-01T00:00:14");
}

TEST_F(Siril, NamesAFrameWithoutStars) {
  cut(simulate(""), {4});
  const ProgramOutput done = run("");
  EXPECT_EQ(done.exit_code, 4);
  EXPECT_THAT(done.text, HasSubstr("could not register"));
  EXPECT_THAT(done.text, HasSubstr("light_5.fits: Not enough stars; 0 stars found, 20 pairs"));
  EXPECT_THAT(done.text, Not(HasSubstr("light_6.fits")));
  EXPECT_FALSE(fs::exists(run_dir() / "registered/reg_00001.fit"));
  const ProgramOutput reference = run("--set registration.reference=light_5.fits", "second");
  EXPECT_EQ(reference.exit_code, 4);
  EXPECT_THAT(reference.text, HasSubstr("too few stars in the reference frame light_5.fits"));
}

// The second of the two is the middle frame, which `auto` would take as the reference.
TEST_F(Siril, LeavesCloudyFramesOutWhenToldTo) {
  cut(simulate(""), {4, 6});
  const ProgramOutput done = run("--set input.on_bad_frame=quarantine");
  ASSERT_EQ(done.exit_code, 0) << done.text;
  EXPECT_THAT(done.text, HasSubstr("reference=light_4.fits"));
  for (const char* name : {"light_5.fits", "light_7.fits"})
    EXPECT_THAT(done.text,
                HasSubstr(std::string("left out   ") + name + ": Not enough stars; 0 stars found"));
  const auto record = run_record(run_dir());
  EXPECT_EQ(record.at("frames").at("count"), 10);
  EXPECT_FALSE(fs::exists(run_dir() / "registered/reg_00005.fit"));
  EXPECT_TRUE(fs::exists(run_dir() / "registered/reg_00012.fit"));
  const ProgramOutput few = run("--set input.on_bad_frame=quarantine --set data.frames_min=11", "few");
  EXPECT_EQ(few.exit_code, 4) << few.text;
  EXPECT_FALSE(fs::exists(run_dir("few") / "registered/reg_00001.fit"));
}

TEST_F(Siril, NamesFramesWithTooFewPairs) {
  cut(simulate(""));
  const ProgramOutput done = run("--set registration.min_star_matches=5000");
  EXPECT_EQ(done.exit_code, 4);
  EXPECT_THAT(done.text, HasSubstr("light_1.fits: Not enough star pairs ("));
}

// What the mosaic of the camera sees of a colour frame: G R / B G from the first row.
TEST_F(Siril, MakesColourFramesOfAMosaic) {
  const auto frames = simulate("--channels 3");
  fs::create_directories(dir_ / "raw");
  for (int f = 0; f < static_cast<int>(frames.size()); ++f) {
    const auto colour = cropped(read_image(frames[static_cast<std::size_t>(f)]), offset_of(f));
    Plane<std::uint16_t> mosaic(colour[0].width(), colour[0].height());
    for (int y = 0; y < mosaic.height(); ++y)
      for (int x = 0; x < mosaic.width(); ++x) {
        const std::size_t channel = x % 2 == y % 2 ? 1 : (y % 2 == 0 ? 0 : 2);
        // Skies of 1 : 2 : 3, so that exchanged colours are seen.
        mosaic.at(x, y) = static_cast<std::uint16_t>(colour[channel].at(x, y) + 400 * channel);
      }
    ProductHeader header = raw_header(f);
    header.cards.push_back({"BAYERPAT", std::string("GRBG"), ""});
    header.cards.push_back({"ROWORDER", std::string("TOP-DOWN"), ""});
    write_image(dir_ / "raw" / numbered("light_", f + 1, ".fits"), std::vector{mosaic}, header);
  }
  const ProgramOutput done = run("--set data.color_mode=OSC");
  ASSERT_EQ(done.exit_code, 0) << done.text;
  EXPECT_THAT(done.text, HasSubstr("debayered=yes"));
  EXPECT_EQ(run_record(run_dir()).at("frames").at("channels"), 3);
  const Image raw = read_image(frames[6]), registered = read_image(run_dir() / "registered/reg_00007.fit");
  ASSERT_EQ(registered.size(), 3u);
  const auto median = [](std::vector<float> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  for (std::size_t c = 0; c < 3; ++c)
    EXPECT_NEAR(median(registered[c].samples()), median(raw[c].samples()) + 400.0 * static_cast<double>(c),
                10)
        << c;
}

TEST_F(Siril, RegistersRealFrames) {
  TILECOMPILE_NEEDS_DATA("hatp32")
  fs::create_directories(dir_ / "raw");
  const Box inside{110, 30, 520, 450};  // covered by all of these frames
  for (int f = 0; f < 16; ++f) {
    const Image image = read_image(test_data() / "hatp32" / numbered("r_i_00", 101 + f, ".fits.fz"));
    Image window(1, Plane<float>(inside.w, inside.h));
    for (int y = 0; y < inside.h; ++y)
      for (int x = 0; x < inside.w; ++x) window[0].at(x, y) = image[0].at(inside.x0 + x, inside.y0 + y);
    write_image(dir_ / "raw" / numbered("light_", f + 1, ".fits"), cropped(window, offset_of(f)),
                raw_header(f));
  }
  const ProgramOutput done =
      run("--set registration.min_star_matches=50 --set synthetic.enabled=true --set synthetic.frames_min=3 "
          "--set stacking.engine=siril");
  ASSERT_EQ(done.exit_code, 0) << done.text;
  EXPECT_THAT(done.text, HasSubstr("Siril's mean of the synthetic frames agrees with ours"));
  const auto record = run_record(run_dir());
  EXPECT_EQ(record.at("cluster_sizes").size(), 3u);
  EXPECT_EQ(record.at("frames").at("count"), 16);
  EXPECT_GT(record.at("seeing_px"), 2.0);
  EXPECT_LT(record.at("seeing_px"), 3.9);
  expect_coverage(16, 8);
}

TEST_F(Siril, IsNotNeededWhereNothingIsLeftToDo) {
  simulate("");
  const ProgramOutput done = run_program("run '" + (dir_ / "night/run.yaml").string() + "' --output '" +
                                         (dir_ / "runs").string() + "' --run-id " + kSirilRunId +
                                         " --set registration.engine=siril --set stacking.engine=siril");
  EXPECT_TRUE(done.exit_code == 0 || done.exit_code == 3) << done.text;
  EXPECT_THAT(done.text, HasSubstr("registration is skipped"));
  EXPECT_THAT(done.text, HasSubstr("stacking.engine siril is skipped"));
}

// Frames with holes, a bright star and negative values; the mean is ours but for one pixel.
TEST_F(Siril, FindsAPixelOfTheStackThatIsNotTheMean) {
  const int w = 61, h = 47;
  Image mean(1, Plane<float>(w, h));
  StackCheckJob job{{}, &mean, dir_.path()};
  std::vector<Plane<float>> frames(3, Plane<float>(w, h));
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      double sum = 0;
      int n = 0;
      for (int k = 0; k < 3; ++k) {
        float& v = frames[static_cast<std::size_t>(k)].at(x, y);
        v = static_cast<float>(400 + (x * 31 + y * 17 + k * 101) % 40 + (x == 20 && y == 20 ? 60000 : 0));
        if (x == 5) v = static_cast<float>(-3 - k);
        if (x < 10 * k || y == 0) v = std::nanf("");
        n += std::isnan(v) ? 0 : 1;
        sum += std::isnan(v) ? 0 : v;
      }
      mean[0].at(x, y) = n == 0 ? std::nanf("") : static_cast<float>(sum / n);
    }
  for (int k = 0; k < 3; ++k) {
    job.frames.push_back(dir_ / numbered("syn_0", k, ".fits"));
    write_image(job.frames.back(), Image{frames[static_cast<std::size_t>(k)]}, {});
  }
  const SirilProgram siril{find_siril("stacking.engine"), 2};
  EXPECT_LT(check_stack_with_siril(siril, job).largest_percent, 0.01);
  mean[0].at(40, 30) += 0.2F;
  EXPECT_THROW(check_stack_with_siril(siril, job), InputError);
  mean[0].at(40, 30) = std::nanf("");
  EXPECT_THROW(check_stack_with_siril(siril, job), InputError);
}

TEST_F(Siril, NamesRawFramesWithHoles) {
  cut(simulate(""));
  Image holes = read_image(dir_ / "raw/light_2.fits");
  holes[0].at(7, 9) = std::nanf("");
  write_image(dir_ / "raw/light_2.fits", holes, raw_header(1));
  const ProgramOutput done = run("");
  EXPECT_EQ(done.exit_code, 4);
  EXPECT_THAT(done.text, HasSubstr("light_2.fits: 1 pixels"));
}

TEST_F(Siril, IsMissedBeforeAnyWork) {
  cut(simulate(""));
  fs::create_directory(dir_ / "empty");
  const std::string path = "env PATH='" + (dir_ / "empty").string() + "' '" + program_path() + "' run '";
  for (const std::string flags : {"",
                                  "--set input.stage=registered --set stacking.engine=siril "
                                  "--set synthetic.enabled=true"}) {
    run("--set registration.reference=none.fits", "unused");  // writes run.yaml
    const ProgramOutput done = run_shell("/usr/bin/" + path + (dir_ / "run.yaml").string() + "' --output '" +
                                         (dir_ / "runs").string() + "' " + flags);
    EXPECT_EQ(done.exit_code, 2) << done.text;
    EXPECT_THAT(done.text, HasSubstr("apt-get install siril"));
    EXPECT_FALSE(fs::exists(dir_ / "runs"));
  }
  const ProgramOutput none = run("--set registration.engine=none");
  EXPECT_EQ(none.exit_code, 2) << none.text;
  EXPECT_THAT(none.text, HasSubstr("registration.engine"));
}

}  // namespace
}  // namespace tilecompile
