#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "broker/patience.hpp"
#include "broker/shared_broker.hpp"
#include "hand_worker.hpp"
#include "launch/liar.hpp"
#include "program.hpp"
#include "same_bits.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/worker.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

std::string quoted_path(const fs::path& path) { return "'" + path.string() + "'"; }

/// Small raw nights, mono and colour, with everything that calibrates them, and a broker.
class RawNights : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    night_ = new TempDir();
    for (const std::string kind : {"mono", "colour"}) {
      const auto made =
          run_program("simulate " + quoted_path(*night_ / kind) +
                      " --raw --frames 9 --width 420 --height 330 --stars 110 --shift 30 --seed 6 "
                      "--darks 5 --flats 5 --biases 5 --quiet" +
                      (kind == "colour" ? " --cfa GRBG" : ""));
      ASSERT_EQ(made.exit_code, 0) << made.text;
    }
    if (PrivateBroker::installed()) broker_ = &shared_broker();
  }
  static void TearDownTestSuite() { delete night_; }

  struct Ended {
    fs::path directory;
    std::map<std::string, std::string> digests;
  };
  static Ended go(const std::string& mode, const std::string& kind, const std::string& flags = "",
                  const std::string& out = "out") {
    const std::string id = new_uuid();
    const auto ended = run_program(
        mode + " " + quoted_path(*night_ / kind / "raw.yaml") + " --quiet --run-id " + id + " --output " +
        quoted_path(*night_ / out) + " --set tile.min_size=48 --set data.frames_min=3 " + flags +
        (mode == "master" ? " --set broker.port=" + std::to_string(broker_->port()) : ""));
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << ended.text;
    const fs::path directory = *night_ / out / id;
    return {directory, ended.exit_code == 0 || ended.exit_code == 3 ? product_digests(directory)
                                                                    : std::map<std::string, std::string>{}};
  }

  static void kill_and_resume(const std::string& out, const std::function<bool(const fs::path&)>& due,
                              fs::path& directory);
  static ProgramOutput run_with_a_liar(const std::string& out, const std::string& flags, const Liar::Lie& lie,
                                       const Liar::AboutFrames& about, fs::path& directory);

  static inline TempDir* night_ = nullptr;
  static inline PrivateBroker* broker_ = nullptr;
};

TEST_F(RawNights, OneCommandMakesThePicture) {
  const Ended ended = go("run", "mono");
  const Image picture = read_image(ended.directory / "reconstruction.fits");
  EXPECT_EQ(picture.size(), 1u);
  EXPECT_EQ(picture[0].width(), 420);
  const std::string table = file_text(ended.directory / "registration.csv");
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 10);
  EXPECT_FALSE(file_text(*night_ / "out" / ended.directory.filename() / "registration.json").empty());
  EXPECT_FALSE(fs::exists(ended.directory / "registered"));
  EXPECT_EQ(read_image(go("run", "colour").directory / "reconstruction.fits").size(), 3u);
}

TEST_F(RawNights, ThreadsBatchesAndMemoryChangeNoBit) {
  for (const std::string kind : {"mono", "colour"}) {
    const auto reference = go("run", kind, "--threads 1").digests;
    ASSERT_GE(reference.size(), 2u);
    EXPECT_EQ(go("run", kind, "--threads 3 --set parallel.batch=1").digests, reference);
    EXPECT_EQ(go("run", kind, "--threads 2 --set parallel.memory_limit_mb=1").digests, reference);
  }
}

TEST_F(RawNights, WorkersGiveTheBitsOfTheRunAlsoWhenOneIsKilled) {
  TILECOMPILE_NEEDS_RABBITMQ
  const auto reference = go("run", "colour").digests;
  ASSERT_GE(reference.size(), 2u);
  EXPECT_EQ(go("master", "colour", "--workers 3", "three").digests, reference);
  broker_->wait_until_quiet();
  HandWorker victim(night_->path(), "victim",
                    "--input.dir " + quoted_path(*night_ / "colour/lights") + " --storage.root " +
                        quoted_path(*night_ / "out") + " --broker.port " + std::to_string(broker_->port()));
  bool struck = false;
  std::thread killer([&] {
    struck = victim.wait_for("tile done");
    victim.end(SIGKILL);
  });
  EXPECT_EQ(go("master", "colour", "--workers 1 --set parallel.batch=2").digests, reference);
  killer.join();
  EXPECT_TRUE(struck);
}

// How many pieces of the frames, of this kind, each worker made.
std::map<std::string, int> makers_of(const std::string& kind, const fs::path& directory) {
  std::map<std::string, int> makers;
  std::istringstream lines(file_text(directory / "frames.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);  // the last one may be torn
    if (entry.is_discarded()) continue;
    if (entry.dump().find("/frame_parts/" + kind + "_") != std::string::npos)
      ++makers[entry.at("worker_id").get<std::string>()];
  }
  return makers;
}

int sum_of(const std::map<std::string, int>& pieces) {
  int sum = 0;
  for (const auto& [worker, made] : pieces) sum += made;
  return sum;
}

TEST_F(RawNights, WorkersFindTheStarsOfTheFrames) {
  TILECOMPILE_NEEDS_RABBITMQ
  for (const std::string kind : {"mono", "colour"}) {
    const Ended alone = go("run", kind), spread = go("master", kind, "--workers 2");
    EXPECT_EQ(file_text(spread.directory / "registration.csv"),
              file_text(alone.directory / "registration.csv"));
    const auto finders = makers_of("detection", spread.directory);
    for (const auto& [worker, found] : finders) EXPECT_EQ(worker.substr(0, 6), "local-");
    EXPECT_EQ(sum_of(finders), 9);
  }
}

// Masters are known by their frames from the second run over a storage on, so each run has one of its own.
TEST_F(RawNights, WorkersMakeTheMasters) {
  TILECOMPILE_NEEDS_RABBITMQ
  for (const std::string kind : {"mono", "colour"}) {
    const Ended alone = go("run", kind, "", "alone-" + kind);
    const Ended spread = go("master", kind, "--workers 2", "spread-" + kind);
    EXPECT_EQ(spread.digests, alone.digests);
    int masters = 0;
    for (const auto& entry : fs::directory_iterator(alone.directory / "calibration")) {
      const std::string name = entry.path().filename().string();
      expect_same_bits(read_image(spread.directory / "calibration" / name).front(),
                       read_image(entry.path()).front(), name);
      ++masters;
    }
    EXPECT_EQ(masters, 3);
    constexpr int kBandsOfAMaster = 6, kFlats = 5;
    const auto makers = makers_of("master_rows", spread.directory);
    for (const auto& [worker, made] : makers) EXPECT_EQ(worker.substr(0, 6), "local-");
    EXPECT_EQ(sum_of(makers), kBandsOfAMaster * masters);
    EXPECT_EQ(sum_of(makers_of("flat_levels", spread.directory)), kFlats);
    const Ended later = go("master", kind, "--workers 2", "spread-" + kind);
    EXPECT_EQ(later.digests, alone.digests);
    EXPECT_EQ(sum_of(makers_of("master_rows", later.directory)), 0);
  }
}

TEST_F(RawNights, AWorkerThatDoesNotSeeTheDarksDoesAllElse) {
  TILECOMPILE_NEEDS_RABBITMQ
  const Ended alone = go("run", "mono");
  broker_->wait_until_quiet();
  fs::create_directories(*night_ / "far/away");
  fs::copy(*night_ / "mono/lights", *night_ / "far/away/lights");
  fs::create_directories(*night_ / "unseen");
  const HandWorker far(night_->path(), "far",
                       "--input.dir " + quoted_path(*night_ / "far/away/lights") + " --storage.root " +
                           quoted_path(*night_ / "unseen") + " --broker.port " +
                           std::to_string(broker_->port()));
  const Ended ended = go("master", "mono", "", "unseen");
  EXPECT_EQ(ended.digests, alone.digests);
  const std::string events = file_text(ended.directory / "events.jsonl");
  EXPECT_NE(events.find("cannot make masters"), std::string::npos) << events;
  EXPECT_EQ(events.find("older version"), std::string::npos) << events;
  EXPECT_EQ(makers_of("master_rows", ended.directory).count("far"), 0u);
  EXPECT_EQ(makers_of("detection", ended.directory)["far"], 9);
}

void brighter(TileFile& tile) {
  for (float& v : tile.pixels.back().samples()) v *= 1.0001F;
}

// A run whose only worker lies about tiles, and before about what `about` says of frames; when it is found
// out, an honest one comes.
ProgramOutput RawNights::run_with_a_liar(const std::string& out, const std::string& flags,
                                         const Liar::Lie& lie, const Liar::AboutFrames& about,
                                         fs::path& directory) {
  broker_->wait_until_quiet();
  fs::create_directories(*night_ / out);
  const auto store = open_file_store(*night_ / out);
  AmqpOptions options;
  options.port = broker_->port();
  options.password = "guest";
  Liar transport(connect_amqp(options), *store, lie, {}, about);
  transport.declare(compute_queue_spec(false));
  say_fit(*connect_amqp(options), "liar");
  RunContexts runs(*store, *night_ / "mono/lights", std::size_t{1} << 28, 1,
                   std::make_shared<VerifiedFiles>());
  std::atomic<bool> stop{false};
  auto lying = std::async(std::launch::async, [&] {
    run_worker(transport, *store, runs, {"liar", 1, 2}, stop);
  });
  EXPECT_TRUE(comes_true([&] { return transport.inspect("tile.compute")->consumers > 0; }));
  const std::string id = new_uuid();
  directory = *night_ / out / id;
  auto master = std::async(std::launch::async, [&] {
    return run_program(
        "master " + quoted_path(*night_ / "mono/raw.yaml") + " --quiet --run-id " + id + " --output " +
        quoted_path(*night_ / out) +
        " --set tile.min_size=48 --set data.frames_min=3 --set parallel.audit_percent=0.000001 "
        "--set broker.port=" +
        std::to_string(broker_->port()) + flags);
  });
  EXPECT_TRUE(comes_true(
      [&] { return file_text(directory / "events.jsonl").find("worker_distrusted") != std::string::npos; }));
  const HandWorker honest(night_->path(), "honest",
                          "--input.dir " + quoted_path(*night_ / "mono/lights") + " --storage.root " +
                              quoted_path(*night_ / out) + " --broker.port " +
                              std::to_string(broker_->port()));
  const ProgramOutput ended = master.get();
  stop = true;
  lying.get();
  EXPECT_EQ(run_record(directory).at("audit").at("distrusted_workers").at(0).at("worker_id"), "liar");
  return ended;
}

void expect_registered_again(const ProgramOutput& ended, const fs::path& directory) {
  EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << ended.text;
  const std::string events = file_text(directory / "events.jsonl");
  EXPECT_NE(events.find("frames_registered_again"), std::string::npos) << events;
}

TEST_F(RawNights, StarsOfAWorkerThatIsFoundOutOverATileAreFoundAgain) {
  TILECOMPILE_NEEDS_RABBITMQ
  const Ended alone = go("run", "mono");
  std::atomic<int> looks{0};
  fs::path directory;
  const auto ended = run_with_a_liar(
      "out", "", brighter,
      [&](const ResultMessage& r) { return r.part->work == TaskWork::kDetect && ++looks > 1; }, directory);
  expect_registered_again(ended, directory);
  EXPECT_EQ(looks, 9);
  EXPECT_EQ(product_digests(directory), alone.digests);
  EXPECT_EQ(run_record(directory).at("quarantined_frames"),
            run_record(alone.directory).at("quarantined_frames"));
}

TEST_F(RawNights, MastersOfAWorkerThatIsFoundOutAreMadeAgainAndNotRemembered) {
  TILECOMPILE_NEEDS_RABBITMQ
  const Ended alone = go("run", "mono");
  std::set<std::string> bands;  // by the worker's one thread
  fs::path directory;
  const auto last_band = [&](const ResultMessage& r) {  // the first one of a round is looked at by another
    if (r.part->work != TaskWork::kMaster || r.tile_id != 5) return false;
    bands.insert(r.data_ref);
    return true;
  };
  expect_registered_again(run_with_a_liar("lied", "", brighter, last_band, directory), directory);
  EXPECT_EQ(bands.size(), 3u);
  EXPECT_EQ(product_digests(directory), alone.digests);
  EXPECT_EQ(makers_of("master_rows", directory)["honest"], 18);
  const Ended later = go("run", "mono", "", "lied");
  EXPECT_EQ(later.digests, alone.digests);
  EXPECT_NE(file_text(later.directory / "events.jsonl").find("known from an earlier run"), std::string::npos);
}

// Its masters are in the picture already: the run ends, and resumed it makes them again.
TEST_F(RawNights, ARunThatRestsOnMastersOfALiarIsHealedByResuming) {
  TILECOMPILE_NEEDS_RABBITMQ
  const std::string synthetic = " --set synthetic.enabled=true --set synthetic.frames_min=2";
  const Ended alone = go("run", "mono", synthetic);
  fs::path directory;
  const auto ended = run_with_a_liar(
      "healed", synthetic,
      [](TileFile& tile) {
        if (tile.pixels.size() > 1) brighter(tile);  // of the second round
      },
      [](const ResultMessage& r) { return r.part->work == TaskWork::kMaster && r.tile_id == 5; }, directory);
  EXPECT_EQ(ended.exit_code, 5) << ended.text;
  EXPECT_NE(ended.text.find("--resume " + directory.filename().string()), std::string::npos) << ended.text;
  const auto resumed = run_program(
      "master " + quoted_path(*night_ / "mono/raw.yaml") + " --quiet --resume " +
      directory.filename().string() + " --output " + quoted_path(*night_ / "healed") +
      " --workers 1 --set tile.min_size=48 --set data.frames_min=3 --set parallel.audit_percent=0.000001 "
      "--set broker.port=" +
      std::to_string(broker_->port()) + synthetic);
  EXPECT_TRUE(resumed.exit_code == 0 || resumed.exit_code == 3) << resumed.text;
  EXPECT_EQ(product_digests(directory), alone.digests);
  EXPECT_EQ(go("run", "mono", synthetic, "healed").digests, alone.digests) << "nothing of it is remembered";
}

// The master is killed when `due` is true of its run directory, and resumed.
void RawNights::kill_and_resume(const std::string& out, const std::function<bool(const fs::path&)>& due,
                                fs::path& directory) {
  broker_->wait_until_quiet();
  const std::string id = new_uuid();
  directory = *night_ / out / id;
  std::vector<std::string> words = {"master",
                                    (*night_ / "colour/raw.yaml").string(),
                                    "--run-id",
                                    id,
                                    "--quiet",
                                    "--output",
                                    (*night_ / out).string(),
                                    "--workers",
                                    "3",
                                    "--set",
                                    "tile.min_size=48",
                                    "--set",
                                    "data.frames_min=3",
                                    "--set",
                                    "parallel.batch=2",
                                    "--set",
                                    "broker.port=" + std::to_string(broker_->port())};
  {
    StartedProgram master(words, *night_ / "killed.log");
    ASSERT_TRUE(master.run_until([&] { return due(directory); })) << master.text();
    master.send(SIGKILL);
    EXPECT_EQ(master.wait(), 128 + SIGKILL);
  }
  words[2] = "--resume";
  StartedProgram resumed(words, *night_ / "resumed.log");
  const int ended = resumed.wait();
  EXPECT_TRUE(ended == 0 || ended == 3) << resumed.text();
}

TEST_F(RawNights, AMasterThatIsKilledAndResumedGivesTheBitsOfTheRun) {
  TILECOMPILE_NEEDS_RABBITMQ
  const auto reference = go("run", "colour").digests;
  ASSERT_GE(reference.size(), 2u);
  fs::path directory;
  kill_and_resume(
      "out", [](const fs::path& run) { return !file_text(run / "journal.jsonl").empty(); }, directory);
  EXPECT_EQ(product_digests(directory), reference);
  EXPECT_GE(run_record(directory).at("tiles").at("resumed"), 1);
  // Before any frame is looked at: what was made of the masters is taken over.
  kill_and_resume(
      "killed", [](const fs::path& run) { return sum_of(makers_of("master_rows", run)) > 7; }, directory);
  EXPECT_EQ(product_digests(directory), reference);
  EXPECT_EQ(sum_of(makers_of("master_rows", directory)), 18);
  const std::string events = file_text(directory / "events.jsonl");
  EXPECT_EQ(events.find("worker_distrusted"), std::string::npos) << events;
}

TEST_F(RawNights, TilesAndPixelsAreComputedAgainFromRawFrames) {
  const Ended ended = go("run", "colour");
  const auto tile = run_program("tile " + quoted_path(ended.directory) + " 0");
  EXPECT_EQ(tile.exit_code, 0) << tile.text;
  const auto told = run_program("explain " + quoted_path(ended.directory) + " 200 150 --json");
  ASSERT_EQ(told.exit_code, 0) << told.text;
  EXPECT_EQ(nlohmann::json::parse(told.text).at("channels").size(), 3u);
}

TEST_F(RawNights, FramingIsAsAsked) {
  const Image all =
      read_image(go("run", "mono", "--set registration.framing=union").directory / "classical.fits");
  const Image common =
      read_image(go("run", "mono", "--set registration.framing=intersection").directory / "classical.fits");
  EXPECT_GT(all[0].width() * all[0].height(), 420 * 330);
  EXPECT_LT(common[0].width() * common[0].height(), 420 * 330);
  EXPECT_GT(common[0].width() * common[0].height(), 420 * 330 / 2);
}

TEST_F(RawNights, AFrameOfAnotherFieldIsNamedOrLeftOut) {
  const auto other = run_program("simulate " + quoted_path(*night_ / "other") +
                                 " --raw --frames 3 --width 420 --height 330 --stars 110 --seed 77 --darks 1 "
                                 "--flats 1 --biases 1 --quiet");
  ASSERT_EQ(other.exit_code, 0) << other.text;
  fs::copy(*night_ / "mono", *night_ / "mixed", fs::copy_options::recursive);
  fs::copy(*night_ / "other/lights/light_0002.fits", *night_ / "mixed/lights/stray.fits");
  const auto refused =
      run_program("run " + quoted_path(*night_ / "mixed/raw.yaml") + " --quiet --output " +
                  quoted_path(*night_ / "out") + " --set data.frames_min=3 --set input.on_bad_frame=error");
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_NE(refused.text.find("stray.fits"), std::string::npos) << refused.text;
  EXPECT_NE(refused.text.find("another field"), std::string::npos) << refused.text;
  const Ended without = go("run", "mixed", "--set input.on_bad_frame=quarantine");
  EXPECT_EQ(without.digests, go("run", "mono").digests);
}

}  // namespace
}  // namespace tilecompile
