#include "tilecompile/night/open_frame.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "raw_test_night.hpp"
#include "same_bits.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

class RawReading : public testing::TestWithParam<const char*> {
 protected:
  RawReading() {
    auto raw = std::make_shared<RawNight>();
    raw->registration.reference = RawTestNight::name(0);
    raw->registration.grid = {300, 251, 5, -4, 1};
    raw->registration.cfa_pattern = GetParam();
    auto masters = std::make_shared<CalibrationMasters>();
    masters->dark = Plane<float>(RawTestNight::kWidth, RawTestNight::kHeight, 100.0F);
    masters->flat = Plane<float>(RawTestNight::kWidth, RawTestNight::kHeight, 0.5F);
    for (int i = 0; i < 50; ++i)
      masters->dark.at((i * 41) % RawTestNight::kWidth, (i * 67) % RawTestNight::kHeight) =
          std::numeric_limits<float>::quiet_NaN();
    raw->masters = {masters};
    raw->registration.calibrations.resize(1);
    for (int f = 0; f < 4; ++f)
      raw->registration.frames.push_back({RawTestNight::name(f), RawTestNight::kWidth, RawTestNight::kHeight,
                                          f == 0 ? shift_transform(0, 0) : RawTestNight::truth(f),
                                          f == 3 ? -1 : 0});
    raw_ = raw;
    for (ManifestEntry& entry : night_.manifest->frames)
      entry.facts = facts_as_read(entry.facts, raw->registration);
  }
  FrameSource source() const {
    return {night_.folder(), night_.manifest, ZeroIsNodata::kAuto, night_.verified, raw_};
  }
  RawTestNight night_;
  std::shared_ptr<RawNight> raw_;
};

TEST_P(RawReading, EveryBoxIsAPartOfTheWhole) {
  const FrameSource frames = source();
  for (int f = 0; f < 4; ++f) {
    OpenFrame frame = frames.open(f);
    const Image whole = frame.read_all();
    ASSERT_EQ(whole.size(), raw_->registration.cfa_pattern.empty() ? 1u : 3u);
    for (const Box& box :
         {Box{0, 0, 300, 40}, Box{17, 33, 101, 64}, Box{290, 240, 10, 11}, Box{100, 0, 1, 251}}) {
      Image part;
      std::vector<float*> planes;
      for (std::size_t c = 0; c < whole.size(); ++c) part.emplace_back(box.w, box.h);
      for (Plane<float>& plane : part) planes.push_back(plane.data());
      frame.read_box(box, planes);
      for (std::size_t c = 0; c < whole.size(); ++c)
        for (int y = 0; y < box.h; ++y)
          for (int x = 0; x < box.w; ++x)
            ASSERT_EQ(std::bit_cast<std::uint32_t>(part[c].at(x, y)),
                      std::bit_cast<std::uint32_t>(whole[c].at(box.x0 + x, box.y0 + y)))
                << f << " " << x << " " << y;
    }
    std::vector<float> rows(300 * 7);
    frame.read_rows(0, 100, 7, rows.data());
    EXPECT_EQ(std::bit_cast<std::uint32_t>(rows[5]), std::bit_cast<std::uint32_t>(whole[0].at(5, 100)));
  }
}

TEST_P(RawReading, TheReferenceIsItsCalibratedSamples) {
  const FrameSource frames = source();
  const Image out = frames.open(0).read_all();
  FrameReader raw(night_.folder() / RawTestNight::name(0), ZeroIsNodata::kNever);
  const Plane<float> stored = raw.read_all()[0];
  const CfaPattern pattern =
      raw_->registration.cfa_pattern.empty() ? CfaPattern{} : cfa_pattern(raw_->registration.cfa_pattern);
  int compared = 0;
  for (int y = 10; y < 200; ++y)
    for (int x = 10; x < 250; ++x) {
      const int c = pattern.at(x + 5, y - 4);
      const float got = out[static_cast<std::size_t>(c)].at(x, y);
      if (std::isnan(raw_->masters[0]->dark.at(x + 5, y - 4))) {
        EXPECT_NE(got, got);
      } else {
        EXPECT_EQ(got, (stored.at(x + 5, y - 4) - 100) / 0.5F);
        ++compared;
      }
    }
  EXPECT_GT(compared, 45000);
}

TEST_P(RawReading, KeptFramesAreReadAgainFromMemory) {
  FrameOrigin origin(night_.folder());
  origin.kept = std::make_shared<KeptFrames>(std::size_t{1} << 24);
  const FrameSource keeping(origin, night_.manifest, ZeroIsNodata::kAuto, night_.verified, raw_);
  const FrameSource frames = source();
  const Box box{17, 33, 101, 64};
  const auto read = [&](const FrameSource& from, int f) {
    OpenFrame frame = from.open(f);
    Image part(static_cast<std::size_t>(frame.facts().channels), Plane<float>(box.w, box.h));
    std::vector<float*> planes;
    for (Plane<float>& plane : part) planes.push_back(plane.data());
    frame.read_box(box, planes);
    return part;
  };
  EXPECT_EQ(keeping.open(1).read_all().size(), frames.open(1).read_all().size());
  EXPECT_EQ(origin.kept->size_bytes(), frames.open(1).read_all().size() * 300 * 251 * sizeof(float));
  // A kept frame is not read from its file again, which shows when its transform is another one.
  const Image expected = read(frames, 1), untouched = read(frames, 2);
  raw_->registration.frames[1].transform = shift_transform(40, 30);
  const Image kept = read(keeping, 1), other = read(keeping, 2);
  for (std::size_t c = 0; c < expected.size(); ++c) {
    expect_same_bits(kept[c], expected[c], "kept");
    expect_same_bits(other[c], untouched[c], "not kept");
  }
}

TEST_P(RawReading, FactsAreThoseOfTheResult) {
  const FrameSource frames = source();
  const FrameFacts facts = frames.open(1).facts();
  EXPECT_EQ(facts.width, 300);
  EXPECT_EQ(facts.height, 251);
  EXPECT_EQ(facts.code_step, 0);
  EXPECT_NE(facts.largest_code, facts.largest_code);
}

TEST_P(RawReading, OtherFramesThanThoseRegisteredAreRefused) {
  raw_->registration.frames[2].width = 77;
  raw_->registration.frames[3].path = "gone.fits";
  const FrameSource frames = source();
  EXPECT_THROW(frames.open(2), InputError);
  EXPECT_THROW(frames.open(3), InputError);
}

INSTANTIATE_TEST_SUITE_P(MonoAndColour, RawReading, testing::Values("", "RGGB", "GBRG"));

TEST(OpenFrame, ARegisteredFrameIsReadAsItIsStored) {
  const RawTestNight night(1);
  FrameReader reader(night.folder() / RawTestNight::name(0), ZeroIsNodata::kNever);
  OpenFrame frame(FrameReader(night.folder() / RawTestNight::name(0), ZeroIsNodata::kNever));
  expect_same_bits(frame.read_all()[0], reader.read_all()[0], "frame");
  EXPECT_EQ(frame.facts().code_step, reader.facts().code_step);
}

}  // namespace
}  // namespace tilecompile
