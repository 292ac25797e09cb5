#include <gtest/gtest.h>

#include <cstdlib>

#include "launch/http_server.hpp"
#include "launch/live_page.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TEST(ListenPlace, AddressPortOrBoth) {
  EXPECT_EQ(parse_listen_place("", 8765).url(), "http://127.0.0.1:8765");
  EXPECT_EQ(parse_listen_place("9000", 8765).url(), "http://127.0.0.1:9000");
  EXPECT_EQ(parse_listen_place(":9000", 8765).url(), "http://127.0.0.1:9000");
  EXPECT_EQ(parse_listen_place("10.1.2.3", 8765).url(), "http://10.1.2.3:8765");
  EXPECT_EQ(parse_listen_place("0.0.0.0:80", 8765).url(), "http://0.0.0.0:80");
  EXPECT_EQ(parse_listen_place("[::1]:9000", 8765).url(), "http://[::1]:9000");
  EXPECT_EQ(parse_listen_place("::1", 8765).url(), "http://[::1]:8765");
  for (const char* wrong : {"run.yaml", "localhost:80", "1.2.3.4:99999", "1.2.3.4:-1", "[::1", "1.2.3.4:8x"})
    EXPECT_THROW(parse_listen_place(wrong, 8765), UsageError) << wrong;
}

TEST(ListenPlace, OnlyLoopbackIsWithoutToken) {
  unsetenv("TILECOMPILE_PAGE_TOKEN");
  EXPECT_EQ(page_root(parse_listen_place("127.0.0.1", 1)), "");
  EXPECT_EQ(page_root(parse_listen_place("::1", 1)), "");
  const ListenPlace open = parse_listen_place("0.0.0.0", 1);
  EXPECT_EQ(page_root(open).size(), 37u);
  EXPECT_NE(page_root(open), page_root(open));
  setenv("TILECOMPILE_PAGE_TOKEN", "a-word-that-nobody-guesses", 1);
  EXPECT_EQ(page_root(open), "/a-word-that-nobody-guesses");
  setenv("TILECOMPILE_PAGE_TOKEN", "short", 1);
  EXPECT_THROW(page_root(open), UsageError);
  unsetenv("TILECOMPILE_PAGE_TOKEN");
}

}  // namespace
}  // namespace tilecompile
