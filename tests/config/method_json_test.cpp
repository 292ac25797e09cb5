#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/key_table.hpp"
#include "config_files.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

std::string canonical(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return canonical_method_json(run_of(yaml, overrides).method);
}

std::string parse_error(const std::string& text) {
  return error_text<InputError>([&] { parse_method_json(text); });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// A run that was begun with one program must resume with the next one: change this only together with
// kNumericsVersion, or when a key is added.
TEST(MethodJson, HashOfTheDefaultsIsPinned) {
  EXPECT_EQ(canonical_method_json({}),
            R"({"data":{"color_mode":"auto","exposure_tolerance_percent":5.0,"frames_min":1,"frames_t)"
            R"(arget":0,"image_height":0,"image_width":0,"linear_required":true,"saturation":0.0,"zer)"
            R"(o_is_nodata":"auto"},"global_metrics":{"adaptive_weights":false,"clamp":[-3.0,3.0],"max_)"
            R"(frame_share":0.0,"mode":"v2","weights":{"background":0.4,"gradient":0.3,"noise":0.3}},)"
            R"("local_metrics":{"clamp":[-3.0,3.0],"min_effective_fraction":0.0,"mode":"v2","sharpnes)"
            R"(s":2.0,"star_mode":{"fwhm_transform":"log","weights":{"contrast":0.2,"fwhm":0.6,"round)"
            R"(ness":0.2}},"structure_mode":{"background_weight":0.3,"metric":"energy_over_sigma","me)"
            R"(tric_weight":0.7}},"normalization":{"enabled":true,"mode":"background","per_channel":t)"
            R"(rue},"numerics_version":"4","reconstruction":{"edge_feather_px":0.0,"frame_chunk":64,")"
            R"(local_sky":"none","noise_guard":"off","noise_guard_high":4.0,"noise_guard_low":2.0,"no)"
            R"(ise_guard_reach_fwhm":1.5,"rejection":"none","rejection_min_kept_fraction":0.5,"reject)"
            R"(ion_rounds":3,"sigma_high":4.0,"sigma_low":5.0,"tile_rescale":"none","weighting_functi)"
            R"(on":"exponential","window_function":"hanning"},"stacking":{"method":"average"},"synthe)"
            R"(tic":{"clustering":{"mode":"state_vector","vector":["global_weight","tile_quality_mean)"
            R"(","tile_quality_variance","background","noise"]},"enabled":"auto","frames_max":30,"fra)"
            R"(mes_min":15,"weighting":"tile_weighted"},"tile":{"max_divisor":6.0,"min_size":64,"min_)"
            R"(valid_fraction":0.5,"overlap_fraction":0.25,"size_factor":32.0,"star_min_count":3}})");
  EXPECT_EQ(sha256_hex(canonical_method_json({})),
            "62869330242f6f332db20b1ccc32ea57525651662dcf7c0ab3d0c96fa0d0936f");
}

TEST(MethodJson, SpellingDoesNotMatter) {
  EXPECT_EQ(canonical("tile: {size_factor: 32}\n"), canonical("tile:\n  size_factor: 3.20e+1\n"));
  EXPECT_EQ(canonical("global_metrics: {clamp: [-3, 0]}\n"),
            canonical("global_metrics: {clamp: [-3.0, -0.0]}\n"));
  EXPECT_EQ(canonical("data: {saturation: -0.0}\n"), canonical("profile: v2\n"));
  EXPECT_EQ(canonical("tile: {star_min_count: 3, size_factor: 32}\n"), canonical("profile: v2\n"));
  for (const char* key : {"noise_guard", "rejection", "local_sky", "tile_rescale"})
    for (const char* word : {"off", "none", "'off'"})
      EXPECT_EQ(canonical(std::string("reconstruction: {") + key + ": " + word + "}\n"),
                canonical("profile: v2\n"))
          << key << " " << word;
}

/// A value of the key that is not its default.
nlohmann::json another_value(const Key& key, const nlohmann::json& given) {
  switch (key.type) {
    case KeyType::kBool:
      return !given.get<bool>();
    case KeyType::kInteger:
    case KeyType::kAutoInteger:
      return given.is_number() && given.get<int>() + 1 <= key.high ? given.get<int>() + 1
                                                                   : static_cast<int>(key.low);
    case KeyType::kNumber:
      return given.get<double>() + 0.125 <= key.high ? given.get<double>() + 0.125 : key.low;
    case KeyType::kClamp:
      return {-2.0, 1.0};
    case KeyType::kText:
      return "other.fits";
    case KeyType::kChoice:
      return given == key.choices.back() ? key.choices.front() : key.choices.back();
    case KeyType::kWorkers:
      return nlohmann::json::array({{{"id", "barn"}, {"address", "10.0.0.1"}, {"capacity", 4}}});
    case KeyType::kFixed:
      break;
  }
  return given;
}

TEST(MethodJson, ChangesWithExactlyTheKeysThatReachAPixel) {
  const std::string plain = canonical_method_json({});
  for (const Key& key : key_table()) {
    Settings settings;
    const nlohmann::json before = key.read(settings);
    nlohmann::json value = another_value(key, before);
    if (value == before) continue;
    ASSERT_FALSE(check_value(key, value).has_value()) << key.path;
    key.write(settings, value);
    EXPECT_EQ(key.read(settings), value) << key.path;
    EXPECT_EQ(canonical_method_json(settings.run.method) != plain, key.reaches_pixel) << key.path;
  }
}

TEST(MethodJson, RoundTrip) {
  const std::string yaml =
      "data: {frames_min: 7, saturation: 0.1}\nnormalization: {mode: median}\n"
      "global_metrics: {weights: {background: 0.1, noise: 0.2, gradient: 0.7}, clamp: [-1.5, 2]}\n"
      "tile: {overlap_fraction: 0.3333333333333333, max_divisor: 1e2}\nsynthetic: {enabled: false, "
      "weighting: global}\n"
      "reconstruction: {tile_rescale: median_after_background_subtraction, frame_chunk: 17}\n";
  for (const std::string& text : {canonical(""), canonical(yaml)}) {
    EXPECT_EQ(canonical_method_json(parse_method_json(text)), text);
  }
  const MethodConfig method = parse_method_json(canonical(yaml));
  EXPECT_EQ(method.tile.overlap_fraction, 0.3333333333333333);
  EXPECT_EQ(method.normalization.mode, NormalizationParams::Mode::kMedian);
  EXPECT_EQ(method.synthetic.enabled, SyntheticParams::Enabled::kOff);
}

TEST(MethodJson, RefusesWhatItWouldNotHaveWritten) {
  const std::string good = canonical_method_json({});
  EXPECT_THAT(parse_error(replaced(good, "\"numerics_version\":\"4\"", "\"numerics_version\":\"0\"")),
              testing::AllOf(HasSubstr("numerics version '0'"), HasSubstr("numerics version '4'")));
  EXPECT_THAT(parse_error(replaced(good, "\"numerics_version\":\"4\",", "")),
              HasSubstr("no numerics_version"));
  EXPECT_THAT(parse_error(replaced(good, "\"frame_chunk\":64", "\"frame_chunk\":0")),
              HasSubstr("'reconstruction.frame_chunk' must be an integer"));
  EXPECT_THAT(parse_error(replaced(good, "\"frame_chunk\":64,", "")),
              HasSubstr("lacks 'reconstruction.frame_chunk'"));
  EXPECT_THAT(parse_error(replaced(good, "\"noise\":0.3", "\"noise\":0.4")), HasSubstr("must sum to 1"));
  const std::string odd = "not in canonical form";
  EXPECT_THAT(parse_error(replaced(good, "\"size_factor\":32.0", "\"size_factor\":32")), HasSubstr(odd));
  EXPECT_THAT(parse_error(replaced(good, "\"frame_chunk\":64", "\"frame_chunk\":64,\"extra\":1")),
              HasSubstr(odd));
  EXPECT_THAT(parse_error(replaced(good, "\"frame_chunk\":64", "\"frame_chunk\":1,\"frame_chunk\":64")),
              HasSubstr(odd));
  EXPECT_THAT(parse_error(good + " "), HasSubstr(odd));
  for (const char* text : {"", "[]", "7", "null", "{", "{}", "\xff"})
    EXPECT_NE(parse_error(text), "") << text;
  EXPECT_NE(parse_error(std::string(1 << 20, '[')), "");
}

TEST(MethodJson, RefusesEveryTruncationAndNeverTakesAFlippedByteForTheSame) {
  const std::string good = canonical_method_json({});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(parse_method_json(good.substr(0, size)), InputError) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      try {
        // A flipped digit can be another valid method; then it must be that method to the byte.
        EXPECT_EQ(canonical_method_json(parse_method_json(bad)), bad);
      } catch (const InputError&) {
      }
    }
  }
}

}  // namespace
}  // namespace tilecompile
