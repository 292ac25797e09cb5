// Runs that are killed or damaged at every kind of moment and then resumed: the pictures are the same.
#include <gtest/gtest.h>

#include <algorithm>

#include "program.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

class Resume : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir();
    const auto made =
        run_program("simulate --profile v2 " + (*folder_ / "night").string() +
                    " --frames 12 --width 420 --height 300 --stars 90 --drift 20 --seed 11 --threads 2");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    const std::string id = new_uuid();
    const auto ended = run_program("run " + flags() + " --run-id " + id);
    ASSERT_EQ(ended.exit_code, 0) << ended.text;
    reference_ = product_digests(*folder_ / "out" / id);
    ASSERT_GE(reference_.size(), 4u);
    tiles_ = run_record(*folder_ / "out" / id).at("tiles").at("count");
    ASSERT_GT(tiles_, 30);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string flags() {
    std::string text;
    for (const std::string& word : words()) text += "'" + word + "' ";
    return text;
  }
  static std::vector<std::string> words() {
    return {(*folder_ / "night/run.yaml").string(),
            "--output",
            (*folder_ / "out").string(),
            "--threads",
            "2",
            "--set",
            "tile.min_size=40",
            "--set",
            "parallel.batch=2",
            "--set",
            "synthetic.enabled=true",
            "--set",
            "synthetic.frames_min=2",
            "--set",
            "data.frames_min=3"};
  }
  fs::path directory() const { return *folder_ / "out" / id_; }
  std::string text_of(const char* name) const { return file_text(directory() / name); }
  std::size_t journal_lines() const {
    const std::string text = text_of("journal.jsonl");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  /// Starts a run and kills it when `moment` comes.
  void run_and_kill(const std::function<bool()>& moment) {
    std::vector<std::string> arguments = words();
    arguments.insert(arguments.begin(), "run");
    arguments.insert(arguments.end(), {"--run-id", id_});
    StartedProgram program(arguments, *folder_ / (id_ + ".log"));
    ASSERT_TRUE(program.run_until(moment)) << program.text();
    program.send(SIGKILL);
    EXPECT_EQ(program.wait(), 128 + SIGKILL);
  }
  ProgramOutput resume(const std::string& more = "") const {
    return run_program("run " + flags() + " --resume " + id_ + " " + more);
  }
  void expect_resumed() const {
    const auto ended = resume();
    ASSERT_EQ(ended.exit_code, 0) << ended.text;
    EXPECT_EQ(product_digests(directory()), reference_);
    for (const auto& item : fs::recursive_directory_iterator(directory()))
      EXPECT_NE(item.path().filename().string().rfind(".tmp-", 0), 0u) << item.path();
  }
  int resumed_tiles() const { return run_record(directory()).at("tiles").at("resumed"); }
  /// A run that was killed with some tiles of the first round done.
  void half_a_run() {
    run_and_kill([this] { return journal_lines() >= static_cast<std::size_t>(tiles_ / 2); });
  }
  static void overwrite(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }

  const std::string id_ = new_uuid();
  static inline TempDir* folder_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
  static inline int tiles_ = 0;
};

TEST_F(Resume, AfterAKillBeforeTheFirstTask) {
  run_and_kill([this] { return text_of("events.jsonl").find("run_started") != std::string::npos; });
  expect_resumed();
}

TEST_F(Resume, AfterAKillInTheFirstRound) {
  for (const int percent : {1, 30, 60, 95}) {
    SCOPED_TRACE(percent);
    fs::remove_all(directory());
    run_and_kill([&] { return journal_lines() * 100 >= static_cast<std::size_t>(tiles_ * percent); });
    const std::size_t lines = journal_lines();
    expect_resumed();
    EXPECT_GE(resumed_tiles(), 1);
    EXPECT_LE(static_cast<std::size_t>(resumed_tiles()), lines);
  }
}

TEST_F(Resume, AfterAKillInTheSecondRound) {
  run_and_kill([this] { return journal_lines() >= static_cast<std::size_t>(tiles_ + tiles_ / 2); });
  expect_resumed();
  EXPECT_GT(resumed_tiles(), tiles_);
}

TEST_F(Resume, AfterAKillWhileWritingProducts) {
  run_and_kill([this] { return fs::exists(directory() / "reconstruction.fits"); });
  expect_resumed();
  EXPECT_GE(resumed_tiles(), tiles_);
}

TEST_F(Resume, AfterTwoKills) {
  half_a_run();
  const std::size_t lines = journal_lines();
  std::vector<std::string> arguments = words();
  arguments.insert(arguments.begin(), "run");
  arguments.insert(arguments.end(), {"--resume", id_});
  {
    StartedProgram program(arguments, *folder_ / (id_ + ".log"));
    ASSERT_TRUE(program.run_until([&] { return journal_lines() > lines + 2; })) << program.text();
    program.send(SIGKILL);
    program.wait();
  }
  expect_resumed();
}

TEST_F(Resume, RemembersTheSetFlagsOfItsFirstStart) {
  half_a_run();
  const std::string file = "run '" + (*folder_ / "night/run.yaml").string() + "' --resume '";
  const auto ended = run_program(file + directory().string() + "'");  // by its folder: no --output, no --set
  ASSERT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_NE(ended.text.find("as at its first start: --set tile.min_size=40"), std::string::npos)
      << ended.text;
  EXPECT_EQ(product_digests(directory()), reference_);
  EXPECT_GT(resumed_tiles(), 0);
}

TEST_F(Resume, OtherSettingsAreRefusedAndNotRemembered) {
  half_a_run();
  const auto refused = resume("--set tile.min_size=44");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.text.find("the configuration is not the one"), std::string::npos) << refused.text;
  expect_resumed();
}

TEST_F(Resume, WithATornJournalLine) {
  half_a_run();
  const std::string journal = text_of("journal.jsonl");
  overwrite(directory() / "journal.jsonl", journal.substr(0, journal.size() - 40));
  expect_resumed();
}

TEST_F(Resume, WithADamagedJournalLineInTheMiddle) {
  half_a_run();
  std::string journal = text_of("journal.jsonl");
  journal[journal.size() / 2] = '\1';
  overwrite(directory() / "journal.jsonl", journal);
  expect_resumed();
}

TEST_F(Resume, WithHalfATileAndATileWithAFlippedByte) {
  half_a_run();
  std::vector<fs::path> tiles;
  for (const auto& item : fs::directory_iterator(directory() / "tiles"))
    if (item.path().extension() == ".fits") tiles.push_back(item.path());
  ASSERT_GE(tiles.size(), 2u);
  std::sort(tiles.begin(), tiles.end());
  std::string bytes = file_text(tiles[0]);
  overwrite(tiles[0], bytes.substr(0, bytes.size() / 2));
  bytes = file_text(tiles[1]);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  overwrite(tiles[1], bytes);
  overwrite(directory() / "tiles/.tmp-left-over", "half a tile");
  fs::last_write_time(directory() / "tiles/.tmp-left-over",
                      fs::file_time_type::clock::now() - std::chrono::minutes(5));
  expect_resumed();
  const std::string events = text_of("events.jsonl");
  EXPECT_NE(events.find("SHA-256"), std::string::npos);
  EXPECT_NE(events.find("the journal has no result of it"), std::string::npos);
}

TEST_F(Resume, WithAHalfWrittenManifestAndWithoutConfiguration) {
  half_a_run();
  overwrite(directory() / "manifest.json", text_of("manifest.json").substr(0, 100));
  fs::remove(directory() / "config.json");
  expect_resumed();
  EXPECT_GE(resumed_tiles(), tiles_ / 2);
}

TEST_F(Resume, WithOtherFrameMetricsTakesNothingOver) {
  half_a_run();
  overwrite(directory() / "frame_metrics.json", "{}");
  expect_resumed();
  EXPECT_EQ(resumed_tiles(), 0);
}

TEST_F(Resume, WithAnotherConfigurationIsRefused) {
  half_a_run();
  const auto ended = resume("--set reconstruction.frame_chunk=3");
  EXPECT_EQ(ended.exit_code, 2) << ended.text;
  EXPECT_NE(ended.text.find("different: reconstruction"), std::string::npos) << ended.text;
  expect_resumed();
}

TEST_F(Resume, WithOtherFramesIsRefused) {
  half_a_run();
  const fs::path frames = *folder_ / "night/frames", away = *folder_ / "away";
  fs::path one;
  for (const auto& item : fs::directory_iterator(frames)) one = std::max(one, item.path());
  fs::rename(one, away);
  const auto ended = resume();
  fs::rename(away, one);
  EXPECT_EQ(ended.exit_code, 4) << ended.text;
  EXPECT_NE(ended.text.find(one.filename().string() + " is gone"), std::string::npos) << ended.text;
  EXPECT_EQ(text_of("events.jsonl").find("run_resumed"), std::string::npos) << "told before any is read";
  expect_resumed();
}

// A run of one process learns of it when it has read the frames.
TEST_F(Resume, WithAFrameOfOtherContentIsRefused) {
  half_a_run();
  const fs::path frame = *folder_ / "night/frames/frame_00002.fits";
  const std::string sound = file_text(frame);
  std::string other = sound;
  other[other.size() / 2] ^= 1;
  overwrite(frame, other);
  const auto ended = resume();
  overwrite(frame, sound);
  EXPECT_EQ(ended.exit_code, 4) << ended.text;
  EXPECT_NE(ended.text.find("frame_00002.fits has other content"), std::string::npos) << ended.text;
  expect_resumed();
}

TEST_F(Resume, OfAFinishedOrUnknownRunIsRefused) {
  EXPECT_EQ(resume().exit_code, 2);
  half_a_run();
  expect_resumed();
  const auto again = resume();
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.text.find("nothing to resume"), std::string::npos) << again.text;
}

TEST_F(Resume, ASecondMasterOfTheSameRunIsRefused) {
  std::vector<std::string> arguments = words();
  arguments.insert(arguments.begin(), "run");
  arguments.insert(arguments.end(), {"--run-id", id_});
  StartedProgram first(arguments, *folder_ / (id_ + ".log"));
  ASSERT_TRUE(first.run_until([this] { return journal_lines() > 0; })) << first.text();
  first.send(SIGSTOP);
  const auto second = resume();
  const auto fresh = run_program("run " + flags() + " --run-id " + id_);
  first.send(SIGCONT);
  EXPECT_EQ(second.exit_code, 2) << second.text;
  EXPECT_NE(second.text.find("another master works on run"), std::string::npos) << second.text;
  EXPECT_EQ(fresh.exit_code, 2) << fresh.text;
  EXPECT_EQ(first.wait(), 0) << first.text();
  EXPECT_EQ(product_digests(directory()), reference_);
}

TEST_F(Resume, AfterASignalAndAfterATimeLimit) {
  std::vector<std::string> arguments = words();
  arguments.insert(arguments.begin(), "run");
  arguments.insert(arguments.end(), {"--run-id", id_});
  {
    StartedProgram program(arguments, *folder_ / (id_ + ".log"));
    ASSERT_TRUE(program.run_until([this] { return journal_lines() > 4; })) << program.text();
    program.send(SIGINT);
    EXPECT_EQ(program.wait(), 130) << program.text();
    EXPECT_NE(program.text().find("--resume " + id_), std::string::npos) << program.text();
  }
  EXPECT_EQ(run_record(directory()).at("status"), "interrupted");
  const auto limited = resume("--set runtime_limits.hard_abort_hours=0.0000001");
  EXPECT_EQ(limited.exit_code, 5) << limited.text;
  expect_resumed();
}

}  // namespace
}  // namespace tilecompile
