#include <nlohmann/json.hpp>

#include "broker/shared_broker.hpp"
#include "run_program.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
const char* const kQuarantineRunId = "0a1b2c3d-0000-4000-8000-000000000002";

/// A simulated night of ten frames, and the same night with bad frames of every sort among them.
class Quarantine : public testing::Test {
 protected:
  Quarantine() {
    simulate("good", 95, 71, 10);
    fs::create_directories(folder_ / "bad/frames");
    fs::copy(folder_ / "good/frames", folder_ / "bad/frames", fs::copy_options::recursive);
    const fs::path frames = folder_ / "bad/frames";
    write_text(frames / "a_text.fits", "This is not a picture.\n");
    write_image(frames / "b_small.fits", Image{Plane<float>(40, 30, 500)}, {});
    write_image(frames / "c_blind.fits", Image{Plane<float>(95, 71, std::nanf(""))}, {});
    write_image(frames / "d_flat.fits", Image{Plane<float>(95, 71, 500)}, {});
    ProductHeader stretched;
    stretched.history = {"Histogram Transf. (mid=0.012, lo=0.000, hi=1.000)"};
    write_image(frames / "e_stretched.fits", Image{Plane<float>(95, 71, 500)}, stretched);
    fs::create_symlink("nowhere.fits", frames / "z_link.fits");
    write_text(frames / "y\xff.fits", "SIMPLE");
  }

  void simulate(const std::string& name, int width, int height, int frames) const {
    const ProgramEnd made = run_program({"simulate", (folder_ / name).string(), "--frames",
                                         std::to_string(frames), "--width", std::to_string(width), "--height",
                                         std::to_string(height), "--stars", "25", "--seed", "3"});
    EXPECT_EQ(made.code, 0) << made.err;
  }

  fs::path write_run_file(const std::string& night, const std::string& out) const {
    const fs::path file = folder_ / (night + ".yaml");
    write_text(file, "input: {dir: " + (folder_ / night / "frames").string() +
                         "}\noutput: {dir: " + (folder_ / out).string() +
                         "}\ndata: {frames_min: 3}\ntile: {min_size: 32, size_factor: 8}\n");
    return file;
  }

  ProgramEnd run(const std::string& command, const std::string& night, const std::string& out,
                 const std::vector<std::string>& more) const {
    const fs::path file = write_run_file(night, out);
    std::vector<std::string> arguments = {command,          file.string(), "--run-id",
                                          kQuarantineRunId, "--threads",   "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {0, 0, 240, {}});
  }

  nlohmann::json record(const std::string& out) const {
    return nlohmann::json::parse(bytes_of(folder_ / out / kQuarantineRunId / "run.json"));
  }

  static std::vector<std::string> bad_names() {
    return {"a_text.fits",      "b_small.fits",       "c_blind.fits", "d_flat.fits",
            "e_stretched.fits", "y\xef\xbf\xbd.fits", "z_link.fits"};
  }

  TempDir folder_;
};

const std::vector<std::string> kQuarantined = {"--set", "input.on_bad_frame=quarantine", "--set",
                                               "input.max_bad_share=0.5"};

TEST_F(Quarantine, ByDefaultAllBadFramesAreNamedAtOnceAndNothingIsMade) {
  const ProgramEnd end = run("run", "bad", "out", {});
  EXPECT_EQ(end.code, 4) << end.err;
  EXPECT_NE(end.err.find("7 of 17 frames cannot be used"), std::string::npos) << end.err;
  for (const std::string& name : bad_names())
    EXPECT_NE(end.err.find("\n  " + name + ": "), std::string::npos) << name << "\n" << end.err;
  EXPECT_NE(end.err.find("input.on_bad_frame: quarantine"), std::string::npos) << end.err;
  EXPECT_EQ(results_below(folder_ / "out"), std::vector<std::string>{});
}

TEST_F(Quarantine, TheRunIsThatOfTheGoodFramesAndNamesTheOthersEverywhere) {
  const ProgramEnd good = run("run", "good", "good-out", {});
  ASSERT_TRUE(good.code == 0 || good.code == 3) << good.err;
  EXPECT_EQ(record("good-out").at("quarantined_frames"), nlohmann::json::array());
  const ProgramEnd end = run("run", "bad", "out", kQuarantined);
  ASSERT_EQ(end.code, good.code) << end.err;
  const nlohmann::json found = record("out"), expected = record("good-out");
  EXPECT_EQ(found.at("products").size(), expected.at("products").size());
  for (const auto& [name, product] : expected.at("products").items())
    EXPECT_EQ(found.at("products").at(name).at("digest"), product.at("digest")) << name;
  EXPECT_EQ(found.at("frames_manifest_id"), expected.at("frames_manifest_id"));
  EXPECT_EQ(found.at("frames").at("count"), 10);
  ASSERT_EQ(found.at("quarantined_frames").size(), 7u);
  std::map<std::string, std::string> reasons;
  for (const auto& f : found.at("quarantined_frames")) reasons[f.at("path")] = f.at("reason");
  const std::string events = bytes_of(folder_ / "out" / kQuarantineRunId / "events.jsonl");
  for (const std::string& name : bad_names()) {
    ASSERT_EQ(reasons.count(name), 1u) << name;
    EXPECT_NE(reasons[name], "") << name;
    EXPECT_NE(end.out.find("left out   " + name + ": " + reasons[name]), std::string::npos) << end.out;
    EXPECT_NE(end.err.find(name), std::string::npos) << end.err;
    EXPECT_NE(events.find("\"frame\":\"" + name + "\""), std::string::npos) << events;
  }
  EXPECT_NE(reasons["b_small.fits"].find("has 40 x 30 px"), std::string::npos);
  EXPECT_NE(reasons["c_blind.fits"].find("no valid pixel"), std::string::npos);
  EXPECT_NE(reasons["d_flat.fits"].find("constant"), std::string::npos);
}

TEST_F(Quarantine, WorkersGiveTheSameBits) {
  TILECOMPILE_NEEDS_RABBITMQ
  const PrivateBroker& broker = shared_broker();
  ASSERT_NE(run("run", "bad", "out", kQuarantined).code, 4);
  std::vector<std::string> flags = kQuarantined;
  flags.insert(flags.end(), {"--workers", "2", "--set", "broker.port=" + std::to_string(broker.port())});
  const ProgramEnd end = run("master", "bad", "out-master", flags);
  ASSERT_TRUE(end.code == 0 || end.code == 3) << end.err;
  const nlohmann::json found = record("out-master"), expected = record("out");
  for (const auto& [name, product] : expected.at("products").items())
    EXPECT_EQ(found.at("products").at(name).at("digest"), product.at("digest")) << name;
  EXPECT_EQ(found.at("quarantined_frames"), expected.at("quarantined_frames"));
  EXPECT_EQ(bytes_of(folder_ / "out-master" / kQuarantineRunId / "manifest.json"),
            bytes_of(folder_ / "out" / kQuarantineRunId / "manifest.json"));
}

TEST_F(Quarantine, TooFewFramesLeftAreAnError) {
  std::vector<std::string> flags = kQuarantined;
  flags.insert(flags.end(), {"--set", "data.frames_min=11"});
  const ProgramEnd end = run("run", "bad", "out", flags);
  EXPECT_EQ(end.code, 4);
  EXPECT_NE(end.err.find("found 10 usable frames"), std::string::npos) << end.err;
  EXPECT_NE(end.err.find("b_small.fits"), std::string::npos) << end.err;
}

TEST_F(Quarantine, ThePlanWarnsOfTheSameFrames) {
  write_run_file("bad", "out");
  const ProgramEnd end = run_program({"plan", (folder_ / "bad.yaml").string(), "--set",
                                      "input.on_bad_frame=quarantine", "--set", "input.max_bad_share=0.5"},
                                     {0, 0, 120, {}});
  EXPECT_EQ(end.code, 0) << end.err;
  for (const char* name : {"a_text.fits", "b_small.fits", "e_stretched.fits", "z_link.fits"})
    EXPECT_NE(end.out.find(std::string("frame quarantined: ") + name), std::string::npos) << end.out;
}

}  // namespace
}  // namespace tilecompile
