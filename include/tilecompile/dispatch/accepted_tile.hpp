#pragma once
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Loads the tile of a result that a round has accepted, after the round. A late duplicate of a worker that
/// gives wrong tiles may lie in its place by then: the master computes the tile itself and puts it back.
/// Throws what load_tile throws when there is nobody to compute it, and when it comes out otherwise than what
/// was accepted. From any thread.
TileFile load_accepted(const TileRound& round, const RoundPlace& place, const ResultMessage& result);

}  // namespace tilecompile
