#include "tilecompile/dispatch/accepted_tile.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/dispatch/own_tiles.hpp"
#include "tilecompile/night/stored_tile.hpp"

namespace tilecompile {

TileFile load_accepted(const TileRound& round, const RoundPlace& place, const ResultMessage& result) {
  const Box& box = round.grid->tiles[static_cast<std::size_t>(result.tile_id)];
  try {
    return load_tile(place.store, result, box, round.planes);
  } catch (const InputError& e) {
    if (place.own == nullptr) throw;
    log_warning(std::string("the master computes a tile again: ") + e.what());
    const OwnTile own = place.own->compute(make_task(round, result.tile_id));
    if (own.result.failure || own.result.data_checksum != result.data_checksum) throw;
    place.store.put(result.data_ref, own.bytes);
    return load_tile(place.store, result, box, round.planes);
  }
}

}  // namespace tilecompile
