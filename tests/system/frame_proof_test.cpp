// Nights with frames that do not show the sky of the others: each is named, and none reaches the picture.
#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "broker/shared_broker.hpp"
#include "proof_night.hpp"
#include "run_program.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

Plane<float> moved(const Plane<float>& from, int dx, int dy) {
  Plane<float> to(kWidth, kHeight);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x)
      to.at((x + dx + kWidth) % kWidth, (y + dy + kHeight) % kHeight) = from.at(x, y);
  return to;
}

Plane<float> turned(Plane<float> plane) {
  std::reverse(plane.samples().begin(), plane.samples().end());
  return plane;
}

/// A kind of bad frame, and words of its reason.
struct Kind {
  const char* name;
  std::function<Plane<float>(int)> make;
  const char* words;
};

const Kind kKinds[] = {
    {"dark", [](int i) { return noise_of(100, 4, i); }, "shows none of "},
    {"bias", [](int i) { return noise_of(300, 2, i); }, "shows none of "},
    {"flat", [](int i) { return noise_of(30000, 170, i); }, "shows none of "},
    {"fog", [](int i) { return noise_of(2500, 50, i); }, "shows none of "},
    {"shift2", [](int i) { return moved(light(i), 2, 0); },
     "its stars lie 2.0 px to the right: not registered?"},
    {"shift5", [](int i) { return moved(light(i), -4, 3); },
     "its stars lie 4.0 px to the left and 3.0 px up: not registered?"},
    {"shift12", [](int i) { return moved(light(i), 12, 7); },
     "its stars lie 12.0 px to the right and 7.0 px up: not registered?"},
    {"shift40", [](int i) { return moved(light(i), -40, -20); },
     "its stars lie 40.0 px to the left and 20.0 px down: not registered?"},
    {"flip", [](int i) { return turned(light(i)); }, "turned by 180 degrees"},
    {"other", [](int i) { return light(i, 2); }, "others: another field, or not registered?"},
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

const std::vector<std::string> kQuarantine = {"--set", "input.on_bad_frame=quarantine"};

std::vector<std::string> with_quarantine(const std::vector<std::string>& more) {
  std::vector<std::string> flags = kQuarantine;
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

bool made_a_picture(const ProgramEnd& end) { return end.code == 0 || end.code == 3; }

void expect_same_products(const nlohmann::json& found, const nlohmann::json& expected) {
  ASSERT_EQ(found.at("products").size(), expected.at("products").size());
  for (const auto& [name, product] : expected.at("products").items())
    EXPECT_EQ(found.at("products").at(name).at("digest"), product.at("digest")) << name;
}

class BadKind : public testing::TestWithParam<Kind> {};

TEST_P(BadKind, IsNamedWithItsCauseAndLeftOut) {
  const Kind& kind = GetParam();
  const ProofNight night(
      12, [](int i) { return i == 7; }, kind.make);
  const ProgramEnd refused = night.run("run", "out");
  EXPECT_EQ(refused.code, 4) << refused.err;
  EXPECT_NE(refused.err.find("1 of 12 frames cannot be used:\n  l07.fits: "), std::string::npos)
      << refused.err;
  EXPECT_NE(refused.err.find(kind.words), std::string::npos) << refused.err;
  EXPECT_EQ(results_below(night.path() / "out"), std::vector<std::string>{});

  const ProgramEnd end = night.run("run", "left", kQuarantine);
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  const nlohmann::json record = night.record("left");
  ASSERT_EQ(record.at("quarantined_frames").size(), 1u);
  EXPECT_EQ(record.at("quarantined_frames")[0].at("path"), "l07.fits");
  EXPECT_NE(end.out.find("left out   l07.fits: "), std::string::npos) << end.out;
  fs::remove(night.path() / "frames/l07.fits");
  ASSERT_TRUE(made_a_picture(night.run("run", "without")));
  expect_same_products(record, night.record("without"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, BadKind, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST(FrameProofRun, AllBadFramesAreNamedAtOnceHoweverTheyAreBad) {
  const ProofNight night;
  night.add("a_dark.fits", noise_of(100, 4, 1));
  night.add("b_blind.fits", Plane<float>(kWidth, kHeight, std::nanf("")));
  write_text(night.path() / "frames/c_text.fits", "no picture");
  const ProgramEnd end = night.run("run", "out");
  EXPECT_EQ(end.code, 4);
  for (const char* name : {"a_dark.fits: shows none", "b_blind.fits: has no valid", "c_text.fits: "})
    EXPECT_NE(end.err.find(std::string("\n  ") + name), std::string::npos) << end.err;
}

TEST(FrameProofRun, ARunThatFailedOverItsFramesIsResumedWithThoseOfItsFolderOnly) {
  const ProofNight night(
      12, [](int i) { return i == 7; }, [](int i) { return noise_of(100, 4, i); });
  ASSERT_EQ(night.run("run", "out").code, 4);
  fs::remove(night.path() / "frames/l07.fits");
  fs::copy(night.path() / "frames", night.path() / "other", fs::copy_options::recursive);
  const std::vector<std::string> resume = {"run", (night.path() / "run.yaml").string(), "--resume",
                                           kProofRun};
  std::vector<std::string> of_others = resume;
  of_others.insert(of_others.end(), {"--set", "input.dir=" + (night.path() / "other").string()});
  const ProgramEnd refused = run_program(of_others, {0, 0, 240, {}});
  EXPECT_EQ(refused.code, 2) << refused.err;
  EXPECT_NE(refused.err.find("began with the frames in"), std::string::npos) << refused.err;
  EXPECT_TRUE(made_a_picture(run_program(resume, {0, 0, 240, {}})));
  EXPECT_EQ(night.record("out").at("frames").at("count"), 11);
}

TEST(FrameProofRun, HazeAndTwilightAndWideStarsPass) {
  ProofNight night;
  night.add("l03.fits", light(3, 1, 0.1));
  night.add("l04.fits", light(4, 1, 1, 8000));
  night.add("l05.fits", light(5, 1, 0.4, 3000));
  for (const std::vector<std::string>& mode :
       {std::vector<std::string>{}, {"--set", "normalization.mode=photometric"}}) {
    const ProgramEnd end = night.run("run", mode.empty() ? "v2" : "photometric", mode);
    EXPECT_TRUE(made_a_picture(end)) << end.err;
  }
}

TEST(FrameProofRun, TwoGroupsAreNoFaultOfSingleFrames) {
  for (const Kind& kind : kKinds) {
    const ProofNight night(
        12, [](int i) { return i % 2 == 0; }, kind.make);
    for (const auto& flags : {std::vector<std::string>{}, kQuarantine}) {
      const std::string out = flags.empty() ? "error" : "quarantine";
      const ProgramEnd end = night.run("run", out, flags);
      EXPECT_EQ(end.code, 4) << kind.name << end.err;
      EXPECT_NE(end.err.find("the frames fall into two groups: 6 show the stars of l"), std::string::npos)
          << kind.name << end.err;
      EXPECT_EQ(results_below(night.path() / out), std::vector<std::string>{});
    }
  }
}

TEST(FrameProofRun, FramesThatNobodyRegisteredAreSaidAsSuch) {
  const ProofNight night(
      12, [](int) { return true; }, [](int i) { return moved(light(i), 5 * i, 3 * i); });
  const ProgramEnd end = night.run("run", "out", kQuarantine);
  EXPECT_EQ(end.code, 4) << end.err;
  EXPECT_NE(end.err.find("the frames do not lie on one another: only 1 of 12 show the stars of"),
            std::string::npos)
      << end.err;
}

TEST(FrameProofRun, FramesThatFollowAnotherObjectRunWithoutProof) {
  const ProofNight night(
      12, [](int) { return true; }, [](int i) { return moved(light(i), 5 * i, 3 * i); });
  const std::string key = "input.prove_frames";
  EXPECT_NE(night.run("run", "proved").err.find(key + ": false"), std::string::npos);
  EXPECT_NE(night.run("plan", "").out.find("do not lie on one another"), std::string::npos);
  const ProgramEnd end = night.run("run", "out", {"--set", key + "=false"});
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  EXPECT_EQ(night.record("out").at("frames").at("count"), 12);
  EXPECT_EQ(night.run("plan", "", {"--set", key + "=false"}).out.find("do not lie"), std::string::npos);
}

TEST(FrameProofRun, RawFramesMayDriftInAPlan) {
  const ProofNight night(
      12, [](int) { return true; }, [](int i) { return moved(light(i), 5 * i, 3 * i); });
  const ProgramEnd end =
      night.run("plan", "", {"--set", "input.stage=raw", "--set", "registration.engine=siril"});
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(end.out.find("do not lie"), std::string::npos) << end.out;
  EXPECT_EQ(end.out.find("groups"), std::string::npos) << end.out;
}

/// Clumps that stay on the sensor, where the frame `index` was moved onto the others.
Plane<float> with_clumps(Plane<float> plane, int index, std::uint64_t clumps, float level) {
  const CounterRandom sensor(77);
  for (std::uint64_t s = 0; s < clumps; ++s) {
    const int x = (static_cast<int>(kWidth * sensor.uniform(2 * s)) + 7 * index) % (kWidth - 2),
              y = (static_cast<int>(kHeight * sensor.uniform(2 * s + 1)) + 5 * index) % (kHeight - 2);
    for (const auto& [dx, dy] : {std::pair{0, 0}, {1, 0}, {0, 1}, {1, 1}}) plane.at(x + dx, y + dy) += level;
  }
  return plane;
}

Plane<float> half_clouded(Plane<float> plane) {
  const Plane<float> sky = noise_of(500, 16, 99);
  for (int y = 0; y < kHeight / 2; ++y)
    for (int x = 0; x < kWidth; ++x) plane.at(x, y) = 0.1F * plane.at(x, y) + 0.9F * sky.at(x, y);
  return plane;
}

TEST(FrameProofRun, CloudOverAPartOfOneFrameIsNoDoubtOfTheOthers) {
  const ProofNight night(
      12, [](int) { return true; },
      [](int i) { return with_clumps(i == 7 ? half_clouded(light(i)) : light(i), i, 90, 3000); });
  const ProgramEnd end = night.run("run", "out", kQuarantine);
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  const nlohmann::json quarantined = night.record("out").at("quarantined_frames");
  for (const auto& frame : quarantined) EXPECT_EQ(frame.at("path"), "l07.fits") << frame;
}

// So many that stars lie too near to them: the median has few, and a single frame judges.
TEST(FrameProofRun, HotPixelsOfASingleFrameAreNoStars) {
  const ProofNight night(
      12, [](int) { return true; }, [](int i) { return with_clumps(light(i), i, 70, 8000); });
  const ProgramEnd end = night.run("run", "out", kQuarantine);
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  EXPECT_EQ(night.record("out").at("quarantined_frames").size(), 0u) << end.err;
}

TEST(FrameProofRun, MoreThanTheShareOfBadFramesEndTheRun) {
  const ProofNight night(
      12, [](int i) { return i % 4 == 1; }, [](int i) { return noise_of(100, 4, i); });
  const ProgramEnd end = night.run("run", "out", kQuarantine);
  EXPECT_EQ(end.code, 4);
  EXPECT_NE(end.err.find("3 of 12 frames cannot be used, more than the share that input.max_bad_share = 0.2"),
            std::string::npos)
      << end.err;
  EXPECT_TRUE(
      made_a_picture(night.run("run", "more", with_quarantine({"--set", "input.max_bad_share=0.25"}))));
}

TEST(FrameProofRun, ColourIsProvedOnItsReferenceChannel) {
  const ProofNight night(
      8, [](int i) { return i == 2; }, [](int i) { return turned(light(i)); }, 3);
  const ProgramEnd end = night.run("run", "out");
  EXPECT_EQ(end.code, 4);
  EXPECT_NE(end.err.find("\n  l02.fits: its stars fit when the frame is turned"), std::string::npos)
      << end.err;
}

// A night of which one frame is the mean of many: without the limit it would have most of the weight.
TEST(FrameProofRun, NoFrameHasMoreThanItsShareWhereThatIsLimited) {
  const ProofNight night(24);
  Plane<float> stack(kWidth, kHeight);
  for (int i = 0; i < 30; ++i) {
    const Plane<float> one = light(50 + i);
    for (std::size_t p = 0; p < stack.size(); ++p) stack.samples()[p] += one.samples()[p] / 30;
  }
  night.add("stacked.fits", stack);
  const std::vector<std::string> flags = {"--set", "global_metrics.mode=inverse_variance", "--set",
                                          "global_metrics.max_frame_share=0.2"};
  const ProgramEnd end = night.run("run", "out", flags);
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  EXPECT_NE(
      end.out.find("held at the share of all weight that global_metrics.max_frame_share allows, 0.2, with a "
                   "noise down to 0.1"),
      std::string::npos)
      << end.out;
  EXPECT_EQ(night.run("run", "off").out.find("max_frame_share"), std::string::npos);
}

TEST(FrameProofRun, AResumedRunLeavesTheSameFramesOut) {
  const ProofNight night(
      12, [](int i) { return i == 7; }, [](int i) { return turned(light(i)); });
  ASSERT_TRUE(made_a_picture(night.run("run", "whole", kQuarantine)));
  const auto arguments = with_quarantine({"--set", "parallel.batch=1"});
  std::vector<std::string> words = {
      "run",      (night.path() / "run.yaml").string(), "--run-id", kProofRun, "--threads", "1",
      "--output", (night.path() / "broken").string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  StartedProgram program(words, night.path() / "broken.log");
  const fs::path directory = night.path() / "broken" / kProofRun;
  ASSERT_TRUE(program.run_until([&] { return fs::exists(directory / "frame_metrics.json"); }))
      << program.text();
  program.send(SIGKILL);
  program.wait();
  ASSERT_FALSE(fs::exists(directory / "run.json")) << "the run was faster than the signal";
  words[2] = "--resume";
  const ProgramEnd end = run_program(words, {0, 0, 240, {}});
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  expect_same_products(night.record("broken"), night.record("whole"));
  EXPECT_EQ(night.record("broken").at("quarantined_frames"), night.record("whole").at("quarantined_frames"));
}

TEST(FrameProofRun, RealFramesWithOneIntruderOfEachKind) {
  TILECOMPILE_NEEDS_DATA("hatp32")
  const TempDir folder;
  fs::create_directory(folder / "frames");
  std::vector<fs::path> files;
  for (const auto& item : fs::directory_iterator(test_data() / "hatp32")) files.push_back(item.path());
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size(); i += 5)
    fs::copy(files[i], folder / "frames" / files[i].filename());
  const Plane<float> one = read_image(files[50]).front();
  const int w = one.width(), h = one.height();
  const auto add = [&](const std::string& name, const std::function<float(int, int)>& sample) {
    Plane<std::uint16_t> plane(w, h);
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < w; ++x) plane.at(x, y) = static_cast<std::uint16_t>(std::max(0.0f, sample(x, y)));
    ProductHeader header;
    header.cards = {{"EXPTIME", 60.0, "[s]"}};
    write_image(folder / "frames" / name, std::vector<Plane<std::uint16_t>>{plane}, header);
  };
  const CounterRandom random(1);
  add("x_dark.fits", [&](int x, int y) {
    return static_cast<float>(250 + random.gaussian(static_cast<std::uint64_t>(y * w + x)));
  });
  add("x_flip.fits", [&](int x, int y) { return one.at(w - 1 - x, h - 1 - y); });
  add("x_shift.fits", [&](int x, int y) { return one.at((x + w - 2) % w, y); });
  write_text(folder / "run.yaml", "input: {dir: frames}\noutput: {dir: " + (folder / "out").string() +
                                      "}\ndata: {frames_min: 3}\n");
  const ProgramEnd end =
      run_program({"run", (folder / "run.yaml").string(), "--threads", "2"}, {0, 0, 240, {}});
  EXPECT_EQ(end.code, 4);
  EXPECT_NE(end.err.find("3 of 32 frames cannot be used"), std::string::npos) << end.err;
  for (const char* words :
       {"x_dark.fits: shows none of", "x_flip.fits: its stars fit when the frame is turned",
        "x_shift.fits: its stars lie 2.0 px to the right"})
    EXPECT_NE(end.err.find(words), std::string::npos) << end.err;
}

TEST(FrameProofRun, WorkersAndPlanAgree) {
  TILECOMPILE_NEEDS_RABBITMQ
  const PrivateBroker& broker = shared_broker();
  const ProofNight night(
      12, [](int i) { return i == 7; }, [](int i) { return moved(light(i), 12, 7); });
  ASSERT_TRUE(made_a_picture(night.run("run", "out", kQuarantine)));
  const ProgramEnd end =
      night.run("master", "out-master",
                with_quarantine({"--workers", "2", "--set", "broker.port=" + std::to_string(broker.port())}));
  ASSERT_TRUE(made_a_picture(end)) << end.err;
  expect_same_products(night.record("out-master"), night.record("out"));
  EXPECT_EQ(night.record("out-master").at("quarantined_frames"),
            night.record("out").at("quarantined_frames"));
  const ProgramEnd refused = night.run(
      "master", "refused", {"--workers", "1", "--set", "broker.port=" + std::to_string(broker.port())});
  EXPECT_EQ(refused.code, 4) << refused.err;
}

}  // namespace
}  // namespace tilecompile
