#include "config/join_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const char* const kJoinFile =
    "worker_id: barn-1\nbroker: {host: main, password_file: 'join:password', ca_file: 'join:ca.pem'}\n"
    "join:\n  password: \"secret\\n\"\n  ca.pem: |\n    -----BEGIN CERTIFICATE-----\n    abc\n";

fs::path written(const TempDir& dir, const std::string& text, fs::perms mode) {
  const fs::path file = dir / "barn.yaml";
  std::ofstream(file) << text;
  fs::permissions(file, mode);
  return file;
}

TEST(JoinFiles, CarryWhatOthersNameAsFiles) {
  TempDir dir;
  const WorkerConfig config =
      load_worker_config(written(dir, kJoinFile, fs::perms::owner_read | fs::perms::owner_write), {});
  EXPECT_EQ(config.worker_id, "barn-1");
  EXPECT_EQ(broker_password(config.broker), "secret");
  for (int again = 0; again < 2; ++again) {
    std::ifstream ca(config.broker.ca_file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(ca), {}), "-----BEGIN CERTIFICATE-----\nabc\n");
  }
  EXPECT_EQ(fs::status(config.broker.ca_file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()), 1)
      << "nothing was unpacked";
}

TEST(JoinFiles, AreRefusedWhenOthersMayReadThem) {
  TempDir dir;
  const auto error = [&](const std::string& text, fs::perms mode) -> std::string {
    try {
      load_worker_config(written(dir, text, mode), {});
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  };
  const fs::perms own = fs::perms::owner_read | fs::perms::owner_write;
  EXPECT_THAT(error(kJoinFile, own | fs::perms::group_read), HasSubstr("chmod 600"));
  const std::string windows = std::regex_replace(kJoinFile, std::regex("\n"), "\r\n");
  EXPECT_THAT(error(windows, own | fs::perms::group_read), HasSubstr("chmod 600")) << "lines end in CR LF";
  EXPECT_EQ(error(windows, own), "");
  EXPECT_THAT(error("broker: {ca_file: 'join:other'}\njoin:\n  ca.pem: x\n", own),
              HasSubstr("'join:other' is not in"));
  EXPECT_THAT(error("broker: {ca_file: x}\njoin:\n  a: b\nworker_id: c\n", own),
              HasSubstr("must be its last"));
  EXPECT_THAT(error("broker: {ca_file: x}\njoin:\n", own), HasSubstr("must be its last"));
  EXPECT_EQ(error("broker: {ca_file: x}\n", own | fs::perms::others_read), "") << "an ordinary configuration";
}

}  // namespace
}  // namespace tilecompile
