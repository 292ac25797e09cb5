#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// A worker as those who look at the broker know it.
struct SeenWorker {
  std::string host;        ///< empty when only a master speaks of it
  bool fit = true;         ///< it takes tasks
  std::string text;        ///< why it takes none
  double said_s_ago = -1;  ///< since its own latest note; -1: it left none of late
  std::string run_id;      ///< of the run that had a tile of it last; empty: idle, as far as is known
  int tiles = 0;           ///< of that run
  double tile_s_ago = -1;  ///< since then, by the master's clock
};

/// What a broker knows of runs, queues and workers.
struct BrokerStatus {
  std::map<std::string, QueueState> queues;
  std::vector<std::string> runs;  ///< JSON of each run under way, as status_json gives it
  std::map<std::string, SeenWorker> workers;
};

/// Looks at the broker: queues, what masters say of their runs, what workers say of themselves. What is read
/// is put back; signatures are not looked at. Takes about a second. What the user may not see is left out.
BrokerStatus look_at_broker(const RunConfig& config);
nlohmann::json broker_status_json(const BrokerStatus& status);

/// What a master tells of its run on tile.runs.
std::string encode_run_note(const nlohmann::json& status);
/// The inverse; null for anything else, which anybody may have put there.
nlohmann::json decode_run_note(const std::string& body);

}  // namespace tilecompile
