#include "siril/siril_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

// As Siril 1.0.6 printed it with two threads: lines of two frames are mixed.
const char* const kOutput = R"(log: Welcome to siril v1.0.6
log: Cannot load initfile: file I/O error
log: Found 144 stars in reference, channel #0
log: Found 144 stars in image 9, channel #0
using trans_order 1
log: Matching stars in image 9: done
log: Found 144 stars in image 2, channel #0
log: Initial pair matches: 139
log: Pair matches after fitting: 138
log: Matching stars in image 2: done
log: Initial pair matches: 136
log: Not enough star pairs (93): Image 5 skipped
log: Not enough stars. Image 12 skipped
log: Cannot perform star matching: try #3. Image 7 skipped
log: Less than 50% star pairs kept by shift model, it may be too rigid for your data: Image 4 skipped
log: Total: 4 failed, 12 registered.
)";

TEST(SirilText, ReadsPairsAndSkippedFrames) {
  const SirilMatches matches = read_siril_matches(kOutput);
  EXPECT_THAT(matches.pairs, ElementsAre(Pair(2, 136), Pair(9, 139)));
  EXPECT_THAT(
      matches.skipped,
      ElementsAre(Pair(4, "Less than 50% star pairs kept by shift model, it may be too rigid for your data"),
                  Pair(5, "Not enough star pairs (93)"), Pair(7, "Cannot perform star matching: try #3"),
                  Pair(12, "Not enough stars")));
  EXPECT_THAT(matches.stars, ElementsAre(Pair(2, 144), Pair(9, 144)));
  EXPECT_FALSE(matches.reference_refused);
  EXPECT_EQ(siril_version(kOutput), "1.0.6");
}

TEST(SirilText, SeesAReferenceWithoutStars) {
  EXPECT_TRUE(read_siril_matches("log: There are not enough stars in reference image to perform alignment\n")
                  .reference_refused);
  EXPECT_TRUE(read_siril_matches("").pairs.empty());
  EXPECT_EQ(siril_version("nothing"), "unknown");
}

TEST(SirilText, TellsWhatWentWrong) {
  const std::string text = siril_complaint(
      "log: Cannot load initfile: file I/O error\nlog: running\nlog: 'nowhere' No such file or directory\n"
      "log: Error in line 2: 'cd'.\nlog: bye\n");
  EXPECT_EQ(text, "\n  siril: 'nowhere' No such file or directory\n  siril: Error in line 2: 'cd'.");
  EXPECT_EQ(siril_complaint("log: a\nlog: b\n"), "\n  siril: a\n  siril: b");
}

TEST(SirilText, WritesTheSequenceWithItsReference) {
  EXPECT_EQ(siril_sequence_file(3, 1, 2), "S 'light_' 1 3 3 5 1 3\nL 1\nI 1 1\nI 2 1\nI 3 1\n");
}

TEST(SirilText, WritesScripts) {
  EXPECT_THAT(siril_register_script(50, true, 2), HasSubstr("-transf=homography -minpairs=50\n"));
  EXPECT_THAT(siril_register_script(3, false, 2), HasSubstr("-transf=shift -minpairs=10\n"));
  EXPECT_THAT(siril_convert_script(true), HasSubstr("convert light -debayer -out=../work\n"));
  EXPECT_THAT(siril_convert_script(false), Not(HasSubstr("debayer")));
  EXPECT_THAT(siril_stack_script(2), HasSubstr("\nstack syn_ mean none -nonorm -out=mean\n"));
}

}  // namespace
}  // namespace tilecompile
