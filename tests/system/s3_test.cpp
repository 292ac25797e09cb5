#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "broker/shared_broker.hpp"
#include "contract/faulty_proxy.hpp"
#include "hand_worker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "storage/private_s3.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using Fault = FaultyProxy::Fault;

/// A small night in a folder and in a bucket, and the digests of the reference run on the folder.
class S3Runs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed() || !PrivateS3::missing().empty()) return;
    broker_ = &shared_broker();
    service_ = new PrivateS3();
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + path("night") +
                                  " --frames 12 --width 300 --height 210 --stars 80 --drift 20 --seed 9");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    S3Bucket bucket(service_->options());
    for (const auto& frame : fs::directory_iterator(*folder_ / "night/frames"))
      bucket.put("night/" + frame.path().filename().string(), file_text(frame.path()));
    bucket.put("night/readme.txt", "no frame");
    bucket.put("nightly/other.fits", "another folder");
    const fs::path run = finished("run", "");
    reference_ = product_digests(run);
    manifest_id_ = run_record(run).at("frames_manifest_id");
    ASSERT_GE(reference_.size(), 2u);
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete service_;
  }
  void SetUp() override {
    TILECOMPILE_NEEDS_S3;
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet();  // the workers of the case before
  }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }
  static std::string set(const std::string& key, const std::string& value) {
    return " --set '" + key + "=" + value + "'";
  }
  /// Flags for tiles in the bucket.
  static std::string store_flags(const std::string& endpoint) {
    return set("storage.type", "s3") + set("storage.s3.endpoint", endpoint) +
           set("storage.s3.bucket", "tiles") + set("storage.s3.prefix", "runs/a") +
           set("storage.s3.credentials_file", service_->credentials_file());
  }
  /// Flags for frames in the bucket.
  static std::string frame_flags(const std::string& endpoint, const std::string& cache) {
    return set("input.dir", "\"\"") + set("storage.s3.endpoint", endpoint) +
           set("storage.s3.bucket", "tiles") + set("storage.s3.frames_prefix", "night") +
           set("cache.dir", path(cache)) + set("storage.s3.credentials_file", service_->credentials_file());
  }
  static std::string command(const std::string& mode, const std::string& id, const std::string& flags) {
    return mode + " " + path("night/run.yaml") + " --run-id " + id + " --output '" + path("out") +
           "' --set tile.min_size=48" + set("broker.port", std::to_string(broker_->port())) + flags;
  }
  /// Runs and returns the run directory.
  static fs::path finished(const std::string& mode, const std::string& flags) {
    const std::string id = new_uuid();
    const auto ended = run_program(command(mode, id, " --quiet" + flags));
    EXPECT_EQ(ended.exit_code, 0) << ended.text;
    return *folder_ / "out" / id;
  }
  static void expect_reference(const fs::path& run) {
    EXPECT_EQ(product_digests(run), reference_);
    EXPECT_EQ(run_record(run).at("frames_manifest_id"), manifest_id_);
  }

  static inline PrivateBroker* broker_ = nullptr;
  static inline PrivateS3* service_ = nullptr;
  static inline TempDir* folder_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
  static inline std::string manifest_id_;
};

TEST_F(S3Runs, OneProcessWithTilesInABucket) {
  const fs::path run = finished("run", store_flags(service_->http()));
  expect_reference(run);
  EXPECT_TRUE(!fs::exists(run / "tiles") || fs::is_empty(run / "tiles"));
  for (const char* name : {"manifest.json", "config.json", "frame_metrics.json"})
    EXPECT_TRUE(fs::exists(run / name)) << name;
  const auto objects = S3Bucket(service_->options()).list("runs/a/" + run.filename().string() + "/tiles/");
  EXPECT_EQ(objects.size(), run_record(run).at("tiles").at("count").get<std::size_t>());
}

TEST_F(S3Runs, CleaningEmptiesTheBucketOfTheRunAlone) {
  const fs::path run = finished("run", store_flags(service_->http()));
  const fs::path other = finished("run", store_flags(service_->http()));
  S3Bucket bucket(service_->options());
  const auto objects = [&](const fs::path& of) {
    return bucket.list("runs/a/" + of.filename().string() + "/").size();
  };
  const std::size_t before = objects(run);
  EXPECT_GT(before, 10u);
  const std::string clean = "clean " + run.filename().string() + " --output '" + path("out") + "'";
  auto looked = run_program(clean);
  EXPECT_EQ(looked.exit_code, 0) << looked.text;
  EXPECT_THAT(looked.text, testing::HasSubstr("nothing was removed"));
  EXPECT_EQ(objects(run), before);
  const auto removed = run_program(clean + " --yes");
  EXPECT_EQ(removed.exit_code, 0) << removed.text;
  EXPECT_EQ(objects(run), 0u);
  EXPECT_EQ(objects(other), before);
  EXPECT_TRUE(fs::exists(run / "reconstruction.fits"));
}

TEST_F(S3Runs, OneProcessWithEverythingInABucketOverTls) {
  const std::string flags = set("storage.s3.ca_file", service_->ca_file());
  expect_reference(
      finished("run", store_flags(service_->https()) + frame_flags(service_->https(), "cache-tls") + flags));
}

TEST_F(S3Runs, FramesInABucketWithTilesInAFolder) {
  expect_reference(finished("run", frame_flags(service_->http(), "cache-frames")));
}

TEST_F(S3Runs, WorkersWithEverythingInABucket) {
  expect_reference(finished("master --workers 2",
                            store_flags(service_->http()) + frame_flags(service_->http(), "cache-workers")));
}

TEST_F(S3Runs, TheMasterBringsTheFramesInAndNoFolderIsShared) {
  const std::string flags = store_flags(service_->http()) + set("storage.upload_frames", "true");
  S3Bucket bucket(service_->options());
  const auto events = [](const fs::path& run) { return file_text(run / "events.jsonl"); };
  const HandWorker worker(
      folder_->path(), "barn",
      flags + set("broker.port", std::to_string(broker_->port())) + set("cache.dir", path("cache-barn")));
  const fs::path run = finished("master", flags);
  expect_reference(run);
  EXPECT_THAT(events(run), HasSubstr("\"brought\":\"12\"")) << worker.text();
  const auto frames = bucket.list("runs/a/frames/");
  EXPECT_EQ(frames.size(), 12u);
  EXPECT_THAT(worker.text(), HasSubstr("prefix runs/a/frames"));
  // Once: another run of the same frames has nothing to bring, whatever it is asked for.
  const fs::path again = finished("master", flags + set("local_metrics.clamp", "[-2, 2]"));
  EXPECT_THAT(events(again), HasSubstr("\"brought\":\"0\""));
  EXPECT_EQ(bucket.list("runs/a/frames/").size(), 12u);
  // Local workers read them where they lie, and need no cache.
  expect_reference(finished("master --workers 1", flags));
}

TEST_F(S3Runs, FramesThatWorkersAnalyseAreInTheBucketBefore) {
  const std::string flags = store_flags(service_->http()) + set("storage.s3.prefix", "runs/b") +
                            set("storage.upload_frames", "true");
  const HandWorker worker(
      folder_->path(), "hut",
      flags + set("broker.port", std::to_string(broker_->port())) + set("cache.dir", path("cache-hut")));
  const fs::path run = finished("master", flags + set("parallel.frame_tasks", "true"));
  expect_reference(run);
  const std::string events = file_text(run / "events.jsonl");
  EXPECT_THAT(events, HasSubstr("\"brought\":\"12\""));
  EXPECT_LT(events.find("frames_uploaded"), events.find("_sent"));
  EXPECT_THAT(events, Not(HasSubstr("_failed"))) << worker.text();
}

// Frames of calibration are brought in like the lights.
TEST_F(S3Runs, MastersAreMadeOfFramesOutOfTheBucket) {
  const auto made = run_program("simulate " + path("raw") +
                                " --raw --frames 5 --width 300 --height 240 --stars 90 --shift 15 --seed 6 "
                                "--darks 3 --flats 4 --biases 3 --quiet");
  ASSERT_EQ(made.exit_code, 0) << made.text;
  const auto finished_raw = [](const std::string& mode, const std::string& flags) {
    const std::string id = new_uuid();
    const auto ended =
        run_program(mode + " " + path("raw/raw.yaml") + " --quiet --run-id " + id + " --output '" +
                    path("out") + "' --set tile.min_size=48 --set data.frames_min=3" +
                    set("broker.port", std::to_string(broker_->port())) + flags);
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << ended.text;
    return *folder_ / "out" / id;
  };
  const std::string flags = store_flags(service_->http()) + set("storage.s3.prefix", "runs/c") +
                            set("storage.upload_frames", "true");
  const HandWorker worker(
      folder_->path(), "shed",
      flags + set("broker.port", std::to_string(broker_->port())) + set("cache.dir", path("cache-shed")));
  const fs::path run = finished_raw("master", flags);
  EXPECT_EQ(product_digests(run), product_digests(finished_raw("run", "")));
  const std::string pieces = file_text(run / "frames.jsonl");
  EXPECT_THAT(pieces, HasSubstr("/frame_parts/master_rows_"));
  EXPECT_THAT(pieces, HasSubstr("/frame_parts/flat_levels_"));
  EXPECT_THAT(file_text(run / "events.jsonl"), Not(HasSubstr("cannot make masters"))) << worker.text();
  EXPECT_EQ(S3Bucket(service_->options()).list("runs/c/frames/").size(), 5u + 3 + 4 + 3);
}

TEST_F(S3Runs, WorkersOverAConnectionThatFailsAgainAndAgain) {
  FaultyProxy proxy(service_->port());
  std::vector<Fault> faults;
  for (int i = 0; i < 6; ++i)
    faults.insert(faults.end(), {Fault::kUnavailable, Fault::kPass, Fault::kDropRequest, Fault::kDropAnswer,
                                 Fault::kPass, Fault::kCutAnswer, Fault::kSlowDown});
  proxy.next(faults, 700);
  expect_reference(finished("master --workers 2", store_flags(proxy.address()) +
                                                      frame_flags(proxy.address(), "cache-faults") +
                                                      set("storage.s3.max_attempts", "12")));
  EXPECT_GE(faults.size() - proxy.left(), 8u) << "few faults were met";
}

TEST_F(S3Runs, ACacheThatIsMuchTooSmall) {
  expect_reference(finished("master --workers 2",
                            frame_flags(service_->http(), "cache-small") + set("cache.size_limit_mb", "1")));
}

TEST_F(S3Runs, ACacheOfAFolderOfFrames) {
  expect_reference(finished("master --workers 2", set("cache.dir", path("cache-folder"))));
  EXPECT_FALSE(fs::is_empty(*folder_ / "cache-folder/locks"));
}

TEST_F(S3Runs, APlanReadsFramesOfABucket) {
  const auto plan = run_program("plan " + path("night/run.yaml") + " --json --set tile.min_size=48" +
                                store_flags(service_->http()) + frame_flags(service_->http(), "cache-plan") +
                                " 2>/dev/null");
  EXPECT_EQ(plan.exit_code, 0) << plan.text;
  EXPECT_EQ(nlohmann::json::parse(plan.text).at("frames_manifest_id"), manifest_id_);
}

TEST_F(S3Runs, ATileOfTheRunIsComputedAgainFromTheBucket) {
  const std::string flags = store_flags(service_->http()) + frame_flags(service_->http(), "cache-tile");
  const fs::path run = finished("run", flags);
  const auto tile = run_program("tile '" + run.string() + "' 3");
  EXPECT_EQ(tile.exit_code, 0) << tile.text;
}

TEST_F(S3Runs, WrongKeysEndTheRunAtOnceAndStayUnseen) {
  const std::string file = service_->write_credentials("wrong", "tc:tiles", "this-is-not-the-secret");
  const std::string id = new_uuid();
  const auto ended = run_program(command(
      "run", id,
      store_flags(service_->http()) + set("storage.s3.credentials_file", file) + " --log-level debug"));
  EXPECT_EQ(ended.exit_code, 2) << ended.text;
  EXPECT_THAT(ended.text, HasSubstr("storage.s3.credentials_file"));
  EXPECT_THAT(ended.text, Not(HasSubstr("this-is-not-the-secret")));
}

TEST_F(S3Runs, NoSecretIsWrittenAnywhere) {
  const std::string id = new_uuid();
  const auto ended =
      run_shell("AWS_ACCESS_KEY_ID=tc:tiles AWS_SECRET_ACCESS_KEY=s3secret '" + program_path() + "' " +
                command("master --workers 1", id,
                        " --log-level debug" + store_flags(service_->http()) +
                            set("storage.s3.credentials_file", "\"\"")));
  EXPECT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_THAT(ended.text, Not(HasSubstr("s3secret")));
  int files = 0;
  for (const auto& item : fs::recursive_directory_iterator(*folder_ / "out" / id)) {
    if (!item.is_regular_file()) continue;
    ++files;
    EXPECT_THAT(file_text(item.path()), Not(HasSubstr("s3secret"))) << item.path();
  }
  EXPECT_GT(files, 5);
}

TEST_F(S3Runs, AMissingBucketEndsTheRunAtOnce) {
  const auto ended = run_program(
      command("run", new_uuid(), store_flags(service_->http()) + set("storage.s3.bucket", "nowhere")));
  EXPECT_EQ(ended.exit_code, 2) << ended.text;
  EXPECT_THAT(ended.text, HasSubstr("create the bucket"));
}

TEST_F(S3Runs, AServiceThatIsNotThereIsExitCodeFive) {
  const auto ended = run_program(
      command("run", new_uuid(), store_flags("http://127.0.0.1:9") + set("storage.s3.max_attempts", "2")));
  EXPECT_EQ(ended.exit_code, 5) << ended.text;
  EXPECT_THAT(ended.text, HasSubstr("127.0.0.1:9"));
}

}  // namespace
}  // namespace tilecompile
