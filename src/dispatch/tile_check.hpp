#pragma once
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Fetches the object of a result that carries data and holds it against what was asked for: checksum, tile,
/// box and planes; the run, configuration and frames it was made from; and, where the round has an analysis
/// of the frames, every number in it: coverage as the frames have it, weights and N_eff that such frames can
/// have, pixels between the frames' extremes, and the message's figures, which follow from the object.
/// The same for a live result and for one that a journal names. A piece of a tile is only decoded, and its
/// file is empty. Throws InputError that names the tile and what is wrong, TransientError when the object
/// cannot be fetched.
TileFile load_own_tile(const TileRound& round, ObjectStore& store, const ResultMessage& result);

/// What a result brought.
struct LoadedResult {
  TileFile file;   ///< of a tile
  KeepPiece keep;  ///< of a frame or band; empty for others
};
/// The same for results of every kind of round.
LoadedResult load_result(const TileRound& round, ObjectStore& store, const ResultMessage& result);

/// What makes a tile of the first round odd beside the classical stack of its place, by compare_with_stack;
/// empty when nothing does, and where the round has no analysis. It is a reason to compute the tile again.
std::string oddness_of_tile(const TileRound& round, const TileFile& file);

}  // namespace tilecompile
