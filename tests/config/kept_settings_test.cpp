#include "tilecompile/config/kept_settings.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

class KeptSettings : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(folder_ / kSettingsFile) << text; }
  TempDir folder_;
};

TEST_F(KeptSettings, ComeBackInTheirOrder) {
  const std::vector<std::string> settings = {"tile.min_size=48", "input.pattern=*\"lum\".fit",
                                             "tile.min_size=52", "input.dir=/Bilder/M 31/\xc3\xbc"};
  write(encode_settings(settings));
  EXPECT_EQ(kept_settings(folder_.path()), settings);
  write(encode_settings({}));
  EXPECT_TRUE(kept_settings(folder_.path()).empty());
}

TEST_F(KeptSettings, ARunOfAnEarlierVersionHasNone) { EXPECT_TRUE(kept_settings(folder_.path()).empty()); }

TEST_F(KeptSettings, ADamagedFileIsNamed) {
  for (const char* text : {"", "{", "[]", "{}", R"({"set": "a=1"})", R"({"set": ["a=1", 2]})"}) {
    SCOPED_TRACE(text);
    write(text);
    try {
      kept_settings(folder_.path());
      FAIL();
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find((folder_ / kSettingsFile).string()), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tilecompile
