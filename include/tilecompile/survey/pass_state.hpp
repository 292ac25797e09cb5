#pragma once
#include <string>
#include <string_view>

#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/passes/master_making.hpp"
#include "tilecompile/passes/registration_pass.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// What the tasks of a pass over the frames are told, beside configuration and manifest. The classical stack
/// and its coverage, where they are needed, are an object of their own, which several passes share.
struct PassState {
  Analysis analysis;       ///< metrics; classical stack and coverage
  StarFinding finding;     ///< of the detection of stars only
  MasterMaking making;     ///< of frames of calibration only
  StarPass stars;          ///< of the look at the stars only
  ObjectReference planes;  ///< empty: none are needed
};

/// Puts the stack and its coverage where workers find them.
ObjectReference share_planes(ObjectStore& store, const std::string& run_id, const Analysis& analysis);
/// Puts the state, without the planes that it names, likewise.
ObjectReference share_pass_state(ObjectStore& store, const std::string& run_id, const PassState& state);
/// Fetches both, and the masters that the detection of stars or the making of others names. Throws InputError
/// when an object is damaged, another one, or not of `manifest`'s frames.
PassState fetch_pass_state(ObjectStore& store, const ObjectReference& state, const Manifest& manifest);

/// Reads the bytes of a state; throws InputError for anything else.
PassState decode_pass_state(std::string_view bytes);

}  // namespace tilecompile
