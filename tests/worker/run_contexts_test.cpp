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

}  // namespace
}  // namespace tilecompile
