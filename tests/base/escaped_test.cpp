#include "tilecompile/base/escaped.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(Escaped, ControlCharactersOfEveryKindAreShown) {
  EXPECT_EQ(escaped("a\x1b[31mred\x07\x7f.fit"), "a\\x1b[31mred\\x07\\u007f.fit");
  EXPECT_EQ(escaped("two\nlines\tand\rback"), "two\\nlines\\tand\\rback");
  EXPECT_EQ(escaped(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(escaped("\xc2\x9b"
                    "31m"),
            "\\u009b31m");  // the terminal's other way to begin a sequence
}

TEST(Escaped, NamesOfAllScriptsStay) {
  const std::string name = "M 31 Ände 星 🌌.fit";
  EXPECT_EQ(escaped(name), name);
}

TEST(Escaped, BytesThatAreNoUtf8AreShown) {
  EXPECT_EQ(escaped("\x9b"
                    "31m \xff"),
            "\\x9b31m \\xff");
  EXPECT_EQ(escaped("\xe2\x82"), "\\xe2\\x82");           // cut off
  EXPECT_EQ(escaped("\xc0\x9b"), "\\xc0\\x9b");           // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a surrogate pair
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Escaped, LinesStayLinesWhereTheyAreMeant) {
  EXPECT_EQ(escaped_lines("2 frames:\n  a\x1b.fit"), "2 frames:\n  a\\x1b.fit");
}

}  // namespace
}  // namespace tilecompile
