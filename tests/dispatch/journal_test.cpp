#include "tilecompile/dispatch/journal.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "test_data.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

const std::string kRun = "66666666-7777-4888-9999-aaaaaaaaaaaa";

ResultMessage result_of(int tile_id, char checksum = 'a', bool synthetic = false) {
  ResultMessage result;
  result.correlation_id = "11111111-2222-4333-8444-555555555555";
  result.run_id = kRun;
  result.tile_id = tile_id;
  result.data_ref = synthetic ? synthetic_tile_key(kRun, tile_id) : tile_key(kRun, tile_id);
  result.data_checksum = std::string(64, checksum);
  result.data_shape = {8, 9};
  result.sum_weights = {1.5};
  result.tile_median = {0.1};
  result.tile_background = {1};
  result.worker_id = "w";
  return result;
}

class JournalFile : public testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(file(), std::ios::binary) << text; }
  std::string text() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::filesystem::path file() const { return folder_ / "journal.jsonl"; }
  Journal read() const { return read_journal(file(), kRun, 3); }

 private:
  TempDir folder_;
};

TEST_F(JournalFile, MissingOrEmptyIsSilent) {
  EXPECT_EQ(read().first_round.size(), 3u);
  write("");
  const Journal journal = read();
  for (const auto& r : journal.first_round) EXPECT_TRUE(r.data_checksum.empty());
  EXPECT_TRUE(journal.remarks.empty());
}

TEST_F(JournalFile, RoundsAreToldApartAndTheLatestLineCounts) {
  write(encode_result(result_of(1)) + "\n" + encode_result(result_of(1, 'b', true)) + "\n" +
        encode_result(result_of(1, 'c')) + "\n");
  const Journal journal = read();
  EXPECT_EQ(journal.first_round[1].data_checksum, std::string(64, 'c'));
  EXPECT_EQ(journal.second_round[1].data_checksum, std::string(64, 'b'));
  EXPECT_TRUE(journal.first_round[0].data_checksum.empty());
}

TEST_F(JournalFile, EveryLengthIsReadUpToItsLastWholeLineAndCutThere) {
  std::string all, first;
  for (int id = 0; id < 3; ++id) {
    all += encode_result(result_of(id)) + "\n";
    if (id == 0) first = all;
  }
  for (std::size_t length = 0; length <= all.size(); ++length) {
    write(all.substr(0, length));
    const Journal journal = read();
    std::size_t lines = 0;
    for (std::size_t i = 0; i < length; ++i) lines += all[i] == '\n' ? 1 : 0;
    for (std::size_t id = 0; id < 3; ++id)
      ASSERT_EQ(!journal.first_round[id].data_checksum.empty(), id < lines) << length;
    const std::string left = text();
    ASSERT_TRUE(left.empty() || left.back() == '\n') << length;
    ASSERT_EQ(journal.remarks.size(), left.size() == length ? 0u : 1u) << length;
  }
}

TEST_F(JournalFile, LinesThatAreNoResultOfThisRunAreLeftOutWithARemark) {
  ResultMessage foreign = result_of(0), failed = result_of(0), odd = result_of(0), beyond = result_of(3);
  foreign.run_id = "00000000-0000-4000-8000-000000000000";
  failed.failure = TileFailure{ErrorKind::kInput, "no"};
  odd.data_ref = kRun + "/manifest.json";
  std::string text;
  for (const auto& r : {foreign, failed, odd, beyond}) text += encode_result(r) + "\n";
  write("nonsense\n" + text + std::string(20, '\0') + "\n" + encode_result(result_of(2)) + "\n");
  const Journal journal = read();
  EXPECT_EQ(journal.remarks.size(), 6u);
  EXPECT_TRUE(journal.first_round[0].data_checksum.empty());
  EXPECT_FALSE(journal.first_round[2].data_checksum.empty());
}

}  // namespace
}  // namespace tilecompile
