#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/dispatch/own_tiles.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/report/run_record.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// Where the tiles are computed: in this process, or by workers over RabbitMQ.
enum class RunMode { kRun, kMaster };
/// "run" or "master", the command that begins such a run.
const char* mode_name(RunMode mode);

/// What the user asked of a run.
struct RunRequest {
  RunConfig config;
  std::string run_id;
  bool resume = false;  ///< go on with the run of this id
  bool quiet = false;
  const std::atomic<int>* stop_signal = nullptr;  ///< 0 while the run may go on
  std::vector<std::string>
      choices{};  ///< of a configuration that nobody wrote; then the run keeps it as run.yaml
  std::vector<std::string> settings{};  ///< key.path=value over the file, kept for those who resume it
};

/// Who wants to see the night before its first tile.
class NightListener {
 public:
  virtual ~NightListener() = default;
  /// Called once; `plain_mean` is a plane a channel, in the units of the tiles.
  virtual void night_analysed(const Image& plain_mean, const Grid& grid) = 0;
};

/// What the master works with: its party on the broker, the shared storage, and who else is to be looked
/// after.
struct RunLinks {
  RunMode mode = RunMode::kRun;
  Transport* transport = nullptr;
  ObjectStore* store = nullptr;
  std::shared_ptr<VerifiedFiles> verified;
  FrameOrigin frames;                 ///< as configured: raw ones before they are registered
  Observer* workers = &nobody();      ///< those of this host: its watch throws when they are lost
  OwnTiles* own = nullptr;            ///< computes tiles to compare; null: the worker is this process
  LogListener* listener = nullptr;    ///< hears what the run writes into its logs; null: nobody
  NightListener* onlooker = nullptr;  ///< null: nobody
  bool starts_workers = false;        ///< some on this host are on their way to the broker
};

struct RunOutcome {
  int exit_code = 0;
  std::filesystem::path directory;
  std::filesystem::path folder;  ///< of the run's name (gather_by_name); empty when there is none
  RunRecord record;
};

/// The whole run, the same for the reference run and for RabbitMQ: scan and check the frames, analyse them,
/// build the grid, hand out tiles, join them in tile_id order, write products and run.json. Errors are
/// recorded in run.json and thrown on. With `resume` tiles of an earlier start whose digests still hold are
/// taken over from its journal; throws UsageError when there is nothing to resume or the configuration is
/// another one, InputError when the frames are.
RunOutcome run_master(const RunRequest& request, const RunLinks& links);

}  // namespace tilecompile
