#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/dispatch/own_tiles.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/report/run_record.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// What the user asked of a run.
struct RunRequest {
  RunConfig config;
  std::string run_id;
  std::string mode = "run";  ///< run | master: for the record
  bool resume = false;       ///< go on with the run of this id
  bool quiet = false;
  const std::atomic<int>* stop_signal = nullptr;  ///< 0 while the run may go on
  std::vector<std::string>
      choices{};  ///< of a configuration that nobody wrote; then the run keeps it as run.yaml
};

/// What the master works with: its party on the broker, the shared storage, and who else is to be looked
/// after.
struct RunLinks {
  Transport* transport = nullptr;
  ObjectStore* store = nullptr;
  std::shared_ptr<VerifiedFiles> verified;
  std::function<void()> watch;        ///< called while waiting for results; throws when the workers are lost
  FrameOrigin frames;                 ///< as configured: raw ones before they are registered
  OwnTiles* own = nullptr;            ///< computes tiles to compare; null: the worker is this process
  RunDirectory::Listener listener{};  ///< hears what the run writes into its logs
};

struct RunOutcome {
  int exit_code = 0;
  std::filesystem::path directory;
  RunRecord record;
};

/// The whole run, the same for the reference run and for RabbitMQ: scan and check the frames, analyse them,
/// build the grid, hand out tiles, join them in tile_id order, write products and run.json. Errors are
/// recorded in run.json and thrown on. With `resume` tiles of an earlier start whose digests still hold are
/// taken over from its journal; throws UsageError when there is nothing to resume or the configuration is
/// another one, InputError when the frames are.
RunOutcome run_master(const RunRequest& request, const RunLinks& links);

}  // namespace tilecompile
