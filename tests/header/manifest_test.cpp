#include "tilecompile/header/manifest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

Manifest sample(int frames) {
  Manifest manifest;
  for (int i = 0; i < frames; ++i) {
    ManifestEntry e;
    e.path = "night/f" + std::to_string(i) + ".fits";
    e.size_bytes = 5760 + (1ULL << 40) * static_cast<unsigned>(i);
    e.sha256 = std::string(64, static_cast<char>('a' + i % 6));
    e.facts.width = 90;
    e.facts.height = 70;
    e.facts.channels = 1;
    e.facts.exposure_s = i == 1 ? std::nan("") : 60 + 0.1 * i;
    manifest.frames.push_back(e);
  }
  return manifest;
}

template <class Act>
std::string input_error(Act act) {
  try {
    act();
  } catch (const InputError& e) {
    return e.what();
  }
  return "(no error)";
}

std::string refusal(const Manifest& manifest, const DataParams& data = {}) {
  return input_error([&] { check_hard_assumptions(manifest, data); });
}

// The odd frames as people see them, one a line.
std::string odd(const Manifest& manifest, const DataParams& data = {}) {
  return listed(odd_frames(manifest, data));
}

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const auto& word : words) EXPECT_NE(text.find(word), std::string::npos) << word << " in:\n" << text;
}

TEST(NaturalOrder, CountsAsPeopleDo) {
  const std::vector<std::string> ordered = {"a",
                                            "a1",
                                            "a2",
                                            "a2b",
                                            "a10",
                                            "a10/2",
                                            "a10/11",
                                            "a99999999999999999998",
                                            "a99999999999999999999",
                                            "b007.fit",
                                            "b7.fit",
                                            "b08.fit",
                                            "b9.fit",
                                            "c.fits"};
  for (std::size_t i = 0; i < ordered.size(); ++i)
    for (std::size_t j = 0; j < ordered.size(); ++j)
      EXPECT_EQ(natural_less(ordered[i], ordered[j]), i < j) << ordered[i] << " " << ordered[j];
}

TEST(NaturalOrder, IsTheSameWhateverTheOrderBefore) {
  // Every name over a small alphabet: a strict weak order has one sorted sequence.
  std::vector<std::string> names;
  const std::string alphabet = "01a.";
  for (char a : alphabet)
    for (char b : alphabet)
      for (char c : alphabet) {
        names.push_back({a, b, c});
        names.push_back({a, b});
      }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const auto& a : names)
    for (const auto& b : names) {
      EXPECT_EQ(natural_less(a, b) || natural_less(b, a), a != b) << a << " " << b;
      EXPECT_FALSE(natural_less(a, b) && natural_less(b, a)) << a << " " << b;
      for (const auto& c : names)
        if (natural_less(a, b) && natural_less(b, c)) {
          ASSERT_TRUE(natural_less(a, c)) << a << " " << b << " " << c;
        }
    }
}

TEST(ManifestJson, RoundTripKeepsBytesAndBits) {
  const Manifest manifest = sample(5);
  const std::string bytes = encode_manifest(manifest);
  const Manifest back = decode_manifest(bytes);
  EXPECT_EQ(encode_manifest(back), bytes);
  ASSERT_EQ(back.frames.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(back.frames[i].path, manifest.frames[i].path);
    EXPECT_EQ(back.frames[i].size_bytes, manifest.frames[i].size_bytes);
    EXPECT_EQ(back.frames[i].sha256, manifest.frames[i].sha256);
    EXPECT_EQ(back.frames[i].facts.width, 90);
    EXPECT_EQ(back.frames[i].facts.height, 70);
    if (i == 1) {
      EXPECT_TRUE(std::isnan(back.frames[i].facts.exposure_s));
    } else {
      EXPECT_EQ(back.frames[i].facts.exposure_s, manifest.frames[i].facts.exposure_s);
    }
  }
}

TEST(ManifestJson, ARegistrationIsPartOfIt) {
  Manifest manifest = sample(3);
  EXPECT_EQ(encode_manifest(manifest).find("registration"), std::string::npos);
  manifest.registration = std::string(64, 'a');
  const std::string bytes = encode_manifest(manifest);
  EXPECT_EQ(decode_manifest(bytes).registration, manifest.registration);
  EXPECT_EQ(encode_manifest(decode_manifest(bytes)), bytes);
  EXPECT_EQ(without(manifest, {{manifest.frames[1].path, "bad"}}).registration, manifest.registration);
  manifest.registration = "none";
  EXPECT_THROW(decode_manifest(encode_manifest(manifest)), InputError);
}

TEST(ManifestJson, EveryTruncationIsRefused) {
  const std::string bytes = encode_manifest(sample(2));
  for (std::size_t n = 0; n + 2 < bytes.size(); ++n)
    EXPECT_THROW(decode_manifest(std::string_view(bytes).substr(0, n)), InputError) << n;
}

TEST(ManifestJson, HostilePathsAreRefused) {
  for (const std::string path :
       {"", "/etc/passwd", "../x.fits", "a/../../x", "a/..", "..", ".", "a//b", "a/", "./a", "a/./b"}) {
    Manifest manifest = sample(1);
    manifest.frames[0].path = path;
    EXPECT_NE(input_error([&] { decode_manifest(encode_manifest(manifest)); }).find("path"),
              std::string::npos)
        << path;
  }
  Manifest manifest = sample(1);
  manifest.frames[0].path = std::string("a\0b", 3);
  EXPECT_THROW(decode_manifest(encode_manifest(manifest)), InputError);
  for (const std::string path : {"..a", "a..", "a/...", " "}) {
    manifest.frames[0].path = path;
    EXPECT_EQ(decode_manifest(encode_manifest(manifest)).frames[0].path, path);
  }
}

TEST(ManifestJson, UnequalOrImpossibleShapesAreRefused) {
  Manifest manifest = sample(3);
  manifest.frames[2].facts.height = 71;
  expect_words(input_error([&] { decode_manifest(encode_manifest(manifest)); }), {"night/f2.fits", "shape"});
  for (const int channels : {0, 2, 4, -1}) {
    manifest = sample(1);
    manifest.frames[0].facts.channels = channels;
    EXPECT_THROW(decode_manifest(encode_manifest(manifest)), InputError) << channels;
  }
  manifest = sample(1);
  manifest.frames[0].facts.width = 0;
  EXPECT_THROW(decode_manifest(encode_manifest(manifest)), InputError);
}

// Workers that hash frames have their manifest before.
TEST(ManifestJson, AHashMayBeOpenOnlyWhereThatIsAskedFor) {
  Manifest manifest = sample(1);
  manifest.frames[0].sha256 = "";
  const std::string bytes = encode_manifest(manifest);
  EXPECT_THROW(decode_manifest(bytes), InputError);
  EXPECT_EQ(encode_manifest(decode_manifest(bytes, false)), bytes);
  manifest.frames[0].sha256 = "abc";
  EXPECT_THROW(decode_manifest(encode_manifest(manifest), false), InputError);
}

TEST(ManifestJson, WrongTypesAreRefused) {
  const auto good = nlohmann::json::parse(encode_manifest(sample(1)));
  for (const auto& [key, value] : good.at("frames").at(0).items()) {
    auto bad = good;
    bad["frames"][0][key] = nlohmann::json::array();
    EXPECT_THROW(decode_manifest(bad.dump()), InputError) << key;
    bad = good;
    bad["frames"][0].erase(key);
    EXPECT_THROW(decode_manifest(bad.dump()), InputError) << key;
  }
  auto bad = good;
  bad["schema"] = 2;
  EXPECT_THROW(decode_manifest(bad.dump()), InputError);
  EXPECT_THROW(decode_manifest("[]"), InputError);
}

TEST(ManifestJson, DepthNumbersAndKeysHaveTheLimitsOfMessages) {
  const std::string good = encode_manifest(sample(1));
  const auto refused = [&](const std::string& what, const std::string& by) {
    std::string bytes = good;
    const std::size_t at = bytes.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    bytes.replace(at, what.size(), by);
    const std::string text = input_error([&] { decode_manifest(bytes); });
    EXPECT_EQ(text.rfind("manifest", 0), 0u) << by.substr(0, 80) << ": " << text;
  };
  refused("\"height\": 70", "\"height\": " + std::string(100000, '[') + std::string(100000, ']'));
  refused("\"height\": 70", "\"height\": " + std::string(300, '9'));
  for (const char* number : {"4294967366", "70.5", "-70", "0", "65536", "1e999", "null"})
    refused("\"height\": 70", std::string("\"height\": ") + number);
  for (const char* number : {"-1", "1e3", "18446744073709551615"})
    refused("\"size\": 5760", std::string("\"size\": ") + number);
  refused("\"sha256\": \"a", "\"sha256\": \"A");
  refused("\"height\": 70", "\"height\": 70, \"height\": 71");
  refused("\"height\": 70", "\"height\": 70, \"depth\": 71");
}

TEST(HardAssumptions, GoodFramesPass) {
  Manifest manifest = sample(5);
  DataParams data;
  data.frames_min = 5;
  data.image_width = 90;
  data.image_height = 70;
  EXPECT_EQ(refusal(manifest, data), "(no error)");
  EXPECT_EQ(odd(manifest, data), "");
  EXPECT_EQ(odd(Manifest{}), "");
}

TEST(HardAssumptions, TooFewFrames) {
  DataParams data;
  data.frames_min = 30;
  expect_words(refusal(sample(3), data), {"found 3", "data.frames_min", "30", "lower"});
  EXPECT_NE(refusal(Manifest{}), "(no error)");
}

TEST(HardAssumptions, ShapesNameTheOddOnesNotTheMajority) {
  Manifest manifest = sample(5);
  manifest.frames[0].facts.width = 91;
  manifest.frames[3].facts.channels = 3;
  const std::string text = odd(manifest);
  expect_words(text, {"most have 90 x 70 px, 1 channel:", "f0.fits: has 91 x 70",
                      "f3.fits: has 90 x 70 px, 3 channels"});
  EXPECT_EQ(text.find("f1.fits"), std::string::npos);
}

TEST(HardAssumptions, ConfiguredSizeIsCompared) {
  DataParams data;
  data.image_height = 71;
  expect_words(refusal(sample(2), data), {"data.image_height is 71", "70", "f0.fits"});
}

TEST(HardAssumptions, ExposuresWithinToleranceOfTheMedian) {
  Manifest manifest = sample(4);
  manifest.frames[3].facts.exposure_s = 62.9;
  EXPECT_EQ(odd(manifest), "");
  manifest.frames[3].facts.exposure_s = 66;
  expect_words(odd(manifest), {"f3.fits: exposed 66 s", "5 %", "data.exposure_tolerance_percent"});
  DataParams data;
  data.exposure_tolerance_percent = 20;
  EXPECT_EQ(odd(manifest, data), "");
}

TEST(HardAssumptions, StretchIsRefusedUnlessAllowed) {
  Manifest manifest = sample(3);
  manifest.frames[1].facts.stretch_evidence = "Asinh Stretch";
  expect_words(odd(manifest), {"f1.fits", "Asinh Stretch", "data.linear_required"});
  DataParams data;
  data.linear_required = false;
  EXPECT_EQ(odd(manifest, data), "");
}

TEST(HardAssumptions, AFrameOddInTwoWaysIsNamedOnce) {
  Manifest manifest = sample(5);
  manifest.frames[2].facts.width = 91;
  manifest.frames[2].facts.stretch_evidence = "Asinh Stretch";
  const std::vector<BadFrame> bad = odd_frames(manifest, {});
  ASSERT_EQ(bad.size(), 1u);
  expect_words(bad[0].reason, {"has 91 x 70", "; also: is not linear"});
}

TEST(HardAssumptions, EveryOffenderIsNamedAndLeavesTheManifest) {
  Manifest manifest = sample(60);
  for (std::size_t i = 0; i < 29; ++i) manifest.frames[i].facts.width = 10;
  const std::vector<BadFrame> bad = odd_frames(manifest, {});
  EXPECT_EQ(bad.size(), 29u);
  const Manifest good = without(manifest, bad);
  ASSERT_EQ(good.frames.size(), 31u);
  for (std::size_t i = 0; i < 31; ++i) EXPECT_EQ(good.frames[i].path, manifest.frames[29 + i].path);
}

}  // namespace
}  // namespace tilecompile
