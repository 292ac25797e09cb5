#include "tilecompile/header/dark_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Manifest frames(const std::vector<std::pair<double, double>>& exposures_and_temperatures) {
  Manifest manifest;
  for (const auto& [exposure_s, celsius] : exposures_and_temperatures) {
    ManifestEntry entry;
    entry.path = "f" + std::to_string(manifest.frames.size()) + ".fit";
    entry.facts.exposure_s = exposure_s;
    entry.facts.sensor_celsius = celsius;
    manifest.frames.push_back(entry);
  }
  return manifest;
}

std::string refusal(const Manifest& lights, const Manifest& darks, const DarkMatch& match) {
  try {
    choose_darks(lights, darks, match);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

TEST(DarkChoice, EachLightTakesTheDarksOfItsExposure) {
  const Manifest lights = frames({{60, -10}, {30, -10}, {61, -10}, {30, -10}});
  const Manifest darks = frames({{30, -10}, {60, -5}, {30, -5}, {62, -10}, {120, -10}});
  const auto groups = choose_darks(lights, darks, {});
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_THAT(groups[0].darks, ElementsAre(1, 3));
  EXPECT_THAT(groups[0].lights, ElementsAre(0, 2));
  EXPECT_THAT(groups[1].darks, ElementsAre(0, 2));
  EXPECT_THAT(groups[1].lights, ElementsAre(1, 3));
  EXPECT_EQ(groups[0].ratio, 1);
}

TEST(DarkChoice, TemperaturesCountWhenAskedFor) {
  const Manifest lights = frames({{60, -10}, {60, 0}});
  const Manifest darks = frames({{60, -9}, {60, 1}, {60, kNotStated}});
  DarkMatch match;
  EXPECT_EQ(choose_darks(lights, darks, match).size(), 1U);
  match.use_temperature = true;
  const auto groups = choose_darks(lights, darks, match);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_THAT(groups[0].darks, ElementsAre(0));
  EXPECT_THAT(groups[1].darks, ElementsAre(1));
  EXPECT_THAT(
      refusal(frames({{60, 10}}), darks, match),
      HasSubstr("f0.fit of 60 s at 10 C: the darks have 60 s at -9 C (1 frame), 60 s at 1 C (1 frame), 60 "
                "s at no stated temperature (1 frame)"));
}

TEST(DarkChoice, NoneThatFitsIsAnErrorOrScaled) {
  const Manifest lights = frames({{60, -10}, {35, -10}});
  const Manifest darks = frames({{30, -10}, {30, -10}, {120, -10}});
  EXPECT_THAT(
      refusal(lights, darks, {}),
      HasSubstr("no dark fits the light f0.fit of 60 s: the darks have 30 s (2 frames), 120 s (1 frame)"));
  DarkMatch match;
  match.scaling = true;
  const auto groups = choose_darks(lights, darks, match);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_THAT(groups[0].darks, ElementsAre(2));  // as near as the other by ratio, and longer
  EXPECT_EQ(groups[0].ratio, 0.5);
  EXPECT_THAT(groups[1].darks, ElementsAre(0, 1));
  EXPECT_EQ(groups[1].ratio, 35.0 / 30);
}

TEST(DarkChoice, WithoutSelectionAllDarksServeAll) {
  DarkMatch match;
  match.auto_select = false;
  const auto groups = choose_darks(frames({{60, -10}, {30, -10}}), frames({{10, 0}, {kNotStated, 0}}), match);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_THAT(groups[0].darks, ElementsAre(0, 1));
  EXPECT_THAT(groups[0].lights, ElementsAre(0, 1));
}

TEST(DarkChoice, ExposuresThatNobodyStatesFitEachOther) {
  EXPECT_EQ(choose_darks(frames({{kNotStated, 0}}), frames({{kNotStated, 0}, {10, 0}}), {})[0].darks.size(),
            1U);
  EXPECT_THAT(refusal(frames({{kNotStated, 0}}), frames({{10, 0}}), {}), HasSubstr("of no stated exposure"));
  EXPECT_THAT(refusal(frames({{10, 0}}), frames({{kNotStated, 0}}), {}),
              HasSubstr("have no stated exposure"));
}

}  // namespace
}  // namespace tilecompile
