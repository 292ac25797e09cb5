#pragma once
#include <optional>
#include <string>

#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Worker name of what the master computes itself; no worker may have it.
inline constexpr const char* kMasterName = "master";

/// A tile that the master computed itself.
struct OwnTile {
  ResultMessage result;  ///< of kMasterName; a failure where it could not
  std::string bytes;     ///< the object, which is not stored yet
};

/// The master's own computation of tiles, beside its work: what it says is believed.
class OwnTiles {
 public:
  virtual ~OwnTiles() = default;
  /// Asks for the one tile of the task and returns at once. `afresh`: everything it needs is read anew.
  virtual void ask(const TileTask& task, bool afresh) = 0;
  /// The next tile that is computed, if one is; in the result the task's correlation_id.
  virtual std::optional<OwnTile> answer() = 0;
  /// The one tile of the task, computed by the thread that calls; from any thread.
  virtual OwnTile compute(const TileTask& task) = 0;
  /// Lets go of what is held for reading frames, until the next tile is asked for.
  virtual void rest() {}
};

}  // namespace tilecompile
