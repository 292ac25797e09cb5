#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "calibration_frames.hpp"
#include "tilecompile/align/registration.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/passes/calibration.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// Masters in the storage, addressed by content: `masters/<sha256>.fits`. Which master was made of which
/// input is kept beside them (`masters/of/<sha256 of the input>`), so that the next run need not make it
/// again.
class MasterStore {
 public:
  MasterStore(ObjectStore& store, std::filesystem::path folder) : store_(store), folder_(std::move(folder)) {}

  /// Stores a plane.
  MasterObject put(const Plane<float>& plane);
  /// The master of `input`, by what is remembered or among `made`; or an empty plane.
  Plane<float> find(const std::string& input, const std::vector<MadeMaster>& made);
  /// Notes a master that is stored already, for later runs.
  static void remember(ObjectStore& store, const MadeMaster& master);
  /// Writes a master as a file for people and later runs: `<folder>/<name>`, with the cards of `first`, the
  /// first frame that it was made of.
  void write(const std::string& name, const Plane<float>& master, const CalibrationFrames& frames,
             const std::vector<int>& chosen) const;

 private:
  ObjectStore& store_;
  std::filesystem::path folder_;
};

}  // namespace tilecompile
