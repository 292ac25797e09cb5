#include "tilecompile/survey/pass_state.hpp"

#include <limits>

#include "night/small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/image_file.hpp"
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

TEST(PassState, TellsHowAMasterIsMade) {
  const SmallNight night;
  PassState state = state_of(night);
  state.planes = {};
  const Plane<float> pedestal(night.manifest->width(), night.manifest->height(), 321);
  const std::string bytes = encode_image("a pedestal", {pedestal}, {});
  night.store->put("masters/p.fits", bytes);
  state.making.place = "../flats";
  state.making.code_step = 0.5;
  state.making.cfa = "GRBG";
  state.making.subtracted = {"masters/p.fits", sha256_hex(bytes)};
  state.making.flats.assign(night.manifest->frames.size(), {{1, 2, 3, 4.5}, FlatFault::kDark});
  const auto fetched = [&] {
    return fetch_pass_state(*night.store, share_pass_state(*night.store, night.run_id, state),
                            *night.manifest);
  };
  const PassState again = fetched();
  EXPECT_EQ(again.making.place, "../flats");
  EXPECT_EQ(again.making.cfa, "GRBG");
  EXPECT_EQ(again.making.code_step, 0.5);
  EXPECT_EQ(again.making.subtracted, state.making.subtracted);
  ASSERT_TRUE(again.making.pedestal);
  expect_same_bits(*again.making.pedestal, pedestal, "pedestal");
  EXPECT_EQ(again.making.flats.back().levels[3], 4.5);
  EXPECT_EQ(again.making.flats.back().fault, FlatFault::kDark);
  state.making.place = "../../etc";
  EXPECT_THROW(fetched(), InputError);
  state.making.place = "/etc";
  EXPECT_THROW(fetched(), InputError);
  state.making.place = "";
  EXPECT_NO_THROW(fetched());
  state.finding.cfa_pattern = "RG";
  EXPECT_THROW(fetched(), InputError);
  state.finding.cfa_pattern = "";
  state.making.cfa = "R";
  EXPECT_THROW(fetched(), InputError);
  state.making.cfa = "";
  state.making.flats.pop_back();
  EXPECT_THROW(fetched(), InputError);
  state.making.flats.clear();
  const std::string other = encode_image("a pedestal", {Plane<float>(3, 2)}, {});
  night.store->put("masters/p.fits", other);
  EXPECT_THROW(fetched(), InputError);  // by its checksum
  state.making.subtracted.sha256 = sha256_hex(other);
  EXPECT_THROW(fetched(), InputError);  // by its shape
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
