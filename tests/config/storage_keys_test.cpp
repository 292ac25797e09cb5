#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config_files.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const char* const kBucket =
    "storage: {type: s3, s3: {endpoint: \"https://s3.example.org\", bucket: astro, prefix: runs, "
    "frames_prefix: nights/m31, region: eu-1, path_style: false, ca_file: ca.pem, credentials_file: keys, "
    "profile: night, max_attempts: 7, connect_timeout_s: 2.5, stall_timeout_s: 20}}\n"
    "cache: {dir: /var/cache/t, size_limit_mb: 500}\n";

TEST(StorageKeys, AreReadAlikeByRunAndWorker) {
  const YamlFile file(kBucket);
  const RunConfig run = load_run_config(file.path(), {});
  const WorkerConfig worker = load_worker_config(file.path(), {});
  for (const StorageConfig& storage : {run.storage, worker.storage}) {
    EXPECT_EQ(storage.type, StorageType::kS3);
    EXPECT_EQ(storage.s3.endpoint, "https://s3.example.org");
    EXPECT_EQ(storage.s3.bucket, "astro");
    EXPECT_EQ(storage.s3.prefix, "runs");
    EXPECT_EQ(storage.s3.frames_prefix, "nights/m31");
    EXPECT_EQ(storage.s3.region, "eu-1");
    EXPECT_FALSE(storage.s3.path_style);
    EXPECT_EQ(storage.s3.ca_file, "ca.pem");
    EXPECT_EQ(storage.s3.credentials_file, "keys");
    EXPECT_EQ(storage.s3.profile, "night");
    EXPECT_EQ(storage.s3.max_attempts, 7);
    EXPECT_EQ(storage.s3.connect_timeout_s, 2.5);
    EXPECT_EQ(storage.s3.stall_timeout_s, 20);
  }
  for (const CacheConfig& cache : {run.cache, worker.cache}) {
    EXPECT_EQ(cache.dir, "/var/cache/t");
    EXPECT_EQ(cache.size_limit_mb, 500);
  }
}

TEST(StorageKeys, ReachNoPixel) {
  const YamlFile plain(""), bucket(kBucket);
  EXPECT_EQ(canonical_method_json(load_run_config(plain.path(), {}).method),
            canonical_method_json(load_run_config(bucket.path(), {}).method));
}

TEST(StorageKeys, OfARecordAreReadBack) {
  const YamlFile file(kBucket);
  const RunConfig config = load_run_config(file.path(), {});
  EXPECT_EQ(effective_config(read_recorded_config(effective_config(config), "run.json")),
            effective_config(config));
}

TEST(StorageKeys, ThatContradictEachOtherAreRefused) {
  EXPECT_THAT(run_error("storage: {type: s3}\n"), HasSubstr("'storage.s3.bucket' is not set"));
  EXPECT_THAT(run_error("cache: {dir: c}\nstorage: {s3: {frames_prefix: a}}\n"),
              HasSubstr("'storage.s3.bucket' is not set"));
  EXPECT_THAT(run_error("storage: {s3: {bucket: b, frames_prefix: a}}\n"),
              HasSubstr("'cache.dir' is not set"));
  EXPECT_THAT(run_error("input: {dir: x}\ncache: {dir: c}\nstorage: {s3: {bucket: b, frames_prefix: a}}\n"),
              HasSubstr("leave one empty"));
  EXPECT_THAT(
      run_error("input: {stage: raw}\ncache: {dir: c}\nstorage: {s3: {bucket: b, frames_prefix: a}}\n"),
      HasSubstr("raw frames"));
  EXPECT_THAT(
      run_error("cache: {dir: c}\nstorage: {type: s3, s3: {bucket: b, frames_prefix: a, prefix: a/b}}\n"),
      HasSubstr("keep them apart"));
  EXPECT_EQ(
      run_error("cache: {dir: c}\nstorage: {type: s3, s3: {bucket: b, frames_prefix: a, prefix: ab}}\n"), "");
  EXPECT_THAT(run_error("storage: {upload_frames: true}\n"), HasSubstr("set 'storage.type: s3'"));
  EXPECT_THAT(
      run_error(
          "cache: {dir: c}\nstorage: {type: s3, upload_frames: true, s3: {bucket: b, frames_prefix: a}}\n"),
      HasSubstr("in the bucket already"));
  EXPECT_EQ(run_error("storage: {type: s3, upload_frames: true, s3: {bucket: b}}\n"), "");
  for (const char* prefix : {"/a", "a/", "a//b", "../a", "a/./b", "/"})
    EXPECT_THAT(run_error(std::string("storage: {s3: {prefix: \"") + prefix + "\"}}\n"),
                AllOf(HasSubstr("storage.s3.prefix"), HasSubstr("joined by '/'")))
        << prefix;
}

}  // namespace
}  // namespace tilecompile
