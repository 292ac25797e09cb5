#include "tilecompile/survey/pass_state.hpp"

#include <limits>

#include "night/small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {
namespace {

PassState state_of(const SmallNight& night) {
  PassState state;
  state.analysis.metrics = night.analysis.metrics;
  state.analysis.metrics.channels[0][1].background = std::numeric_limits<double>::infinity();
  state.stars.reference_light.assign(state.analysis.metrics.channels.size(), {{1.5, 2.5}, {3.5}, {4.5}, 5.5});
  state.stars.some_spread = true;
  state.analysis.metrics.channels[0][1].spread_px = 12.5;
  state.stars.ring = RingSky::kMean;
  state.stars.part = {std::vector<Normalization>(night.manifest->frames.size(), {1, 2, 3})};
  state.planes = share_planes(*night.store, night.run_id, night.analysis);
  return state;
}

TEST(PassState, ComesBackToTheBitWithItsPlanes) {
  const SmallNight night;
  const PassState state = state_of(night);
  const ObjectReference object = share_pass_state(*night.store, night.run_id, state);
  const PassState again = fetch_pass_state(*night.store, object, *night.manifest);
  EXPECT_EQ(share_pass_state(*night.store, night.run_id, again).checksum, object.checksum);
  EXPECT_EQ(share_planes(*night.store, night.run_id, again.analysis).checksum, state.planes.checksum);
  expect_same_bits(again.analysis.classical[0], night.analysis.classical[0], "classical");
  EXPECT_EQ(again.analysis.metrics.channels[0][1].background, std::numeric_limits<double>::infinity());
  EXPECT_EQ(again.stars.part[0][2].pedestal, 3);
  EXPECT_EQ(again.stars.reference_light[0].wide, std::vector<double>{3.5});
  EXPECT_EQ(again.stars.reference_light[0].squares, std::vector<double>{4.5});
  EXPECT_EQ(again.stars.reference_light[0].fwhm_px, 5.5);
  EXPECT_TRUE(again.stars.some_spread);
  EXPECT_EQ(again.analysis.metrics.channels[0][1].spread_px, 12.5);
}

TEST(PassState, IsRefusedWhenCutOffTooLongOrOfOtherFrames) {
  const SmallNight night;
  const PassState state = state_of(night);
  const std::string bytes = night.store->get(share_pass_state(*night.store, night.run_id, state).ref);
  EXPECT_NO_THROW(decode_pass_state(bytes));
  EXPECT_THROW(decode_pass_state(bytes + "x"), InputError);
  for (std::size_t length = 0; length < bytes.size(); length += 7)
    EXPECT_THROW(decode_pass_state(std::string_view(bytes).substr(0, length)), InputError) << length;
  PassState other = state;
  other.analysis.metrics.channels[0].pop_back();
  const ObjectReference object = share_pass_state(*night.store, night.run_id, other);
  EXPECT_THROW(fetch_pass_state(*night.store, object, *night.manifest), InputError);
}

}  // namespace
}  // namespace tilecompile
