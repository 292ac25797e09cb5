#include "tilecompile/worker/run_contexts.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/frame/clusters.hpp"
#include "worker_night.hpp"

namespace tilecompile {
namespace {

TEST(RunContexts, AllRoundsReadThroughOneCache) {
  WorkerNight night;
  RunContexts runs = night.contexts();
  const auto first = runs.get(night.task_template);
  const std::string clusters = encode_clusters({1, std::vector<int>(7, 0)});
  night.store->put(clusters_key(night.run_id), clusters);
  TileTask second = night.task_template;
  second.clusters = {clusters_key(night.run_id), sha256_hex(clusters)};
  const auto round = runs.get(second);
  EXPECT_NE(first, round);
  EXPECT_EQ(first->bands, round->bands);
}

// As in a storage that was cleaned, or where a tile is computed again: whole files are hashed then.
TEST(RunContexts, FramesAreReadThoughTheirSumsAreGoneOrDamaged) {
  WorkerNight night;
  night.analysis.metrics.sums_ref = "sums.bin";
  night.analysis.metrics.sums_checksum = sha256_hex("what was there");
  const std::string metrics = encode_frame_metrics(night.analysis.metrics);
  night.store->put(frame_metrics_key(night.run_id), metrics);
  TileTask task = night.task_template;
  task.metrics.checksum = sha256_hex(metrics);
  for (const char* damaged : {"", "something else"}) {
    if (*damaged != 0) night.store->put("sums.bin", damaged);
    RunContexts runs = night.contexts();
    EXPECT_EQ(runs.get(task)->frames->open(0).facts().width, night.manifest->width()) << damaged;
  }
}

TEST(RunContexts, OnlyWhoHashesFramesTakesAManifestWithoutHashes) {
  WorkerNight night;
  Manifest manifest = *night.manifest;
  for (ManifestEntry& frame : manifest.frames) frame.sha256 = "";
  TileTask task = night.task_template;
  task.work = TaskWork::kHash;
  task.frames_manifest_id = sha256_hex(encode_manifest(manifest));
  task.metrics = share_pass_state(*night.store, night.run_id, {night.analysis, {}, {}, {}, {}});
  night.store->put(frames_config_key(task), night.store->get(config_key(night.run_id)));
  night.store->put(frames_manifest_key(task), encode_manifest(manifest));
  RunContexts runs = night.contexts();
  runs.check(task);
  EXPECT_EQ(runs.get(task)->frames->content(2).sha256, night.manifest->frames[2].sha256);
  task.work = TaskWork::kAnalyse;
  EXPECT_THROW(night.contexts().get(task), InputError);
}

TEST(RunContexts, WhatIsForgottenIsFetchedAgain) {
  WorkerNight night;
  RunContexts runs = night.contexts();
  const std::weak_ptr<RunContext> run = runs.get(night.task_template);
  ASSERT_FALSE(run.expired());
  runs.forget();
  EXPECT_TRUE(run.expired());
  EXPECT_NE(runs.get(night.task_template), nullptr);
}

// A worker lives longer than a run.
TEST(RunContexts, FramesThatAreKeptAreThoseOfTheLatestRun) {
  WorkerNight night;
  FrameOrigin frames(night.frames_dir());
  frames.kept = std::make_shared<KeptFrames>(1000);
  frames.kept->offer("of this run", Image(1, Plane<float>(4, 4)));
  RunContexts runs(*night.store, frames, std::size_t{1} << 24, 1, night.verified);
  runs.get(night.task_template);
  EXPECT_NE(frames.kept->find("of this run"), nullptr);
  TileTask other = night.task_template;
  other.run_id = "22222222-2222-4333-8444-555555555555";
  for (const auto key : {config_key, manifest_key, frame_metrics_key})
    night.store->put(key(other.run_id), night.store->get(key(night.run_id)));
  other.metrics.ref = frame_metrics_key(other.run_id);
  runs.get(other);
  EXPECT_EQ(frames.kept->find("of this run"), nullptr);
  EXPECT_EQ(frames.kept->limit_bytes(), 1000u);
}

}  // namespace
}  // namespace tilecompile
