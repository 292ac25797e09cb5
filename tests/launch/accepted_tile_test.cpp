#include "tilecompile/dispatch/accepted_tile.hpp"

#include "court.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TEST(AcceptedTile, ALateDuplicateInItsPlaceIsMendedWhenItIsLoaded) {
  WholeNight night;
  Court court(night);
  court.add_worker("a");
  auto run = court.start();
  court.end(run);
  const RoundPlace place = court.place();
  const ResultMessage& result = court.accepted.at(2);
  const std::string right = night.store->get(result.data_ref);
  night.store->put(result.data_ref, night.store->get(court.accepted.at(3).data_ref));
  EXPECT_EQ(load_accepted(night.job, place, result).tile_id, 2);
  EXPECT_EQ(night.store->get(result.data_ref), right);
  ResultMessage other = result;
  other.data_checksum = std::string(64, 'e');
  EXPECT_THROW(load_accepted(night.job, place, other), InputError);
  court.own = nullptr;
  night.store->put(result.data_ref, "rubbish");
  EXPECT_THROW(load_accepted(night.job, court.place(), result), InputError);
}

}  // namespace
}  // namespace tilecompile
