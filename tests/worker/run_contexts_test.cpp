#include "tilecompile/worker/run_contexts.hpp"

#include "tilecompile/tile/clusters.hpp"
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

}  // namespace
}  // namespace tilecompile
