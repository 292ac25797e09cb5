#pragma once
#include <vector>

#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// A reconstructed tile as it is stored; without `frame_tables` nothing of single frames.
TileFile tile_file(const TileTask& task, const TaskTile& tile, std::vector<TileChannel> planes,
                   bool frame_tables);

/// Stores a reconstructed tile and fills in what its result says of it. `frame_tables` as the frame metrics
/// say; the second round never has them.
void store_tile(const TileTask& task, const TaskTile& tile, std::vector<TileChannel> planes,
                bool frame_tables, ObjectStore& store, ResultMessage& message);

/// Loads the tile of an accepted result and checks checksum, box and number of planes. Throws InputError
/// naming the tile.
TileFile load_tile(ObjectStore& store, const ResultMessage& result, const Box& box, int planes);

}  // namespace tilecompile
