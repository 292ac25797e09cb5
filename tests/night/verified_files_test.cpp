#include "tilecompile/night/verified_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <fstream>
#include <thread>

#include "small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/process_usage.hpp"
#include "tilecompile/night/frame_sums.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

void flip(const fs::path& path, std::int64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 4);
  file.seekp(at);
  file.put(byte);
}

std::string refusal(const std::function<void()>& read) {
  try {
    read();
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

/// A night whose frames have several blocks, and a reader on another host, who knows their sums.
class BySums : public testing::Test {
 protected:
  BySums()
      : night_(
            1, 3, [](MethodConfig&) {},
            [](SimulateOptions& options) {
              options.width = 500;
              options.height = 400;
            }) {
    learn_frame_sums(encode_frame_sums(*night_.manifest, *night_.verified), *night_.manifest, *reader_);
  }
  FrameSource source() const { return {night_.frames_dir(), night_.manifest, ZeroIsNodata::kNever, reader_}; }
  fs::path path(std::size_t frame) const { return night_.frames_dir() / night_.manifest->frames[frame].path; }
  std::string read_rows(int frame, int y0, int rows) const {
    std::vector<float> samples(static_cast<std::size_t>(500 * rows));
    return refusal([&] { source().open(frame).read_rows(0, y0, rows, samples.data()); });
  }

  SmallNight night_;
  std::shared_ptr<VerifiedFiles> reader_ = std::make_shared<VerifiedFiles>();
};

TEST_F(BySums, WhatIsReadIsLookedAtAndNothingElse) {
  ASSERT_GT(reader_->sums_of(night_.manifest->frames[0])->sums.size(), 3u);
  flip(path(0), static_cast<std::int64_t>(fs::file_size(path(0))) - 4000);  // in one of the last rows
  EXPECT_EQ(read_rows(0, 0, 40), "");
  EXPECT_THAT(read_rows(0, 380, 20),
              testing::AllOf(testing::HasSubstr("the manifest says"), testing::HasSubstr("other bytes")));
}

TEST_F(BySums, ADamagedHeaderAndAnotherSizeAreFoundAtOnce) {
  flip(path(1), 100);
  EXPECT_THAT(read_rows(1, 399, 1), testing::HasSubstr("the manifest says"));
  fs::resize_file(path(2), fs::file_size(path(2)) - 1);
  EXPECT_THAT(read_rows(2, 0, 1), testing::HasSubstr("bytes, the manifest says"));
}

// As a worker may have given them that was found out since.
TEST_F(BySums, WrongSumsGiveWayToRightOnes) {
  const std::string sha256 = night_.manifest->frames[0].sha256;
  const FileSums right = *reader_->sums_of(night_.manifest->frames[0]);
  FileSums wrong = right;
  wrong.sums.back() ^= 1;
  reader_->learn(sha256, wrong);
  EXPECT_THAT(read_rows(0, 380, 20), testing::HasSubstr("other bytes"));
  reader_->learn(sha256, right);
  EXPECT_EQ(read_rows(0, 380, 20), "");
}

TEST_F(BySums, TheContentIsThatOfTheFileNowWhateverWasKnown) {
  const FileContent content = reader_->content_of(path(0), night_.manifest->frames[0]);
  EXPECT_EQ(content.sha256, night_.manifest->frames[0].sha256);
  EXPECT_EQ(content.sums, *night_.verified->sums_of(night_.manifest->frames[0]));
  flip(path(0), 5000);
  const FileContent other = reader_->content_of(path(0), night_.manifest->frames[0]);
  EXPECT_NE(other.sha256, content.sha256);
  EXPECT_NE(other.sums, content.sums);
  EXPECT_EQ(source().content(1).sha256, night_.manifest->frames[1].sha256);
  fs::resize_file(path(1), fs::file_size(path(1)) - 1);
  EXPECT_THAT(refusal([&] { source().content(1); }), testing::HasSubstr("this host holds other frames"));
  fs::remove(path(2));
  EXPECT_THROW(source().content(2), TransientError);
}

// Two blocks are enough to tell another frame, and none of the rest is read.
TEST_F(BySums, AFileLooksLikeItsSumsByItsFirstBlockAndItsMiddle) {
  const FileSums sums = *reader_->sums_of(night_.manifest->frames[0]);
  EXPECT_TRUE(looks_like(path(0), sums));
  EXPECT_FALSE(looks_like(path(1), sums));
  const auto size = static_cast<std::int64_t>(fs::file_size(path(0)));
  for (const auto& [at, same] : {std::pair{size - 1, true}, {size / 2, false}}) {
    flip(path(0), at);
    EXPECT_EQ(looks_like(path(0), sums), same) << at;
    flip(path(0), at);
  }
  flip(path(0), 100);
  EXPECT_FALSE(looks_like(path(0), sums));
}

TEST_F(BySums, AFileIsAsItWasUntilSomebodyWritesIt) {
  EXPECT_EQ(refusal([&] { night_.verified->check_unchanged(path(0)); }), "");
  EXPECT_NE(refusal([&] { reader_->check_unchanged(path(0)); }), "") << "nobody has read its header";
  fs::last_write_time(path(0), fs::last_write_time(path(0)) + std::chrono::seconds(1));
  EXPECT_THAT(refusal([&] { night_.verified->check_unchanged(path(0)); }),
              testing::HasSubstr("another file than a moment ago"));
}

TEST_F(BySums, ReadInPartsThePixelsAreThoseOfTheWhole) {
  const FrameSource hashed(night_.frames_dir(), night_.manifest, ZeroIsNodata::kNever,
                           std::make_shared<VerifiedFiles>());
  const Image whole = hashed.open(0).read_all();
  const auto written = fs::last_write_time(path(0));
  Plane<float> parts(500, 400);
  for (int y0 = 0; y0 < 400; y0 += 80) source().open(0).read_rows(0, y0, 80, parts.row(y0));
  expect_same_bits(parts, whole[0], "frame");
  flip(path(0), 150000);
  fs::last_write_time(path(0), written);
  EXPECT_EQ(read_rows(0, 0, 400), "") << "all of it was looked at";
}

TEST_F(BySums, ThreadsThatSeeTheLastBlocksOfAFileTogetherAgree) {
  const Image whole = source().open(0).read_all();
  for (int round = 0; round < 20; ++round) {
    const auto together = std::make_shared<VerifiedFiles>();
    learn_frame_sums(encode_frame_sums(*night_.manifest, *night_.verified), *night_.manifest, *together);
    const FrameSource frames(night_.frames_dir(), night_.manifest, ZeroIsNodata::kNever, together);
    std::barrier start(8);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] {
        OpenFrame frame = frames.open(0);
        start.arrive_and_wait();
        expect_same_bits(frame.read_all()[0], whole[0], "frame");
      });
  }
}

TEST_F(BySums, AFileThatIsReplacedIsLookedAtAgain) {
  EXPECT_EQ(read_rows(0, 0, 400), "");
  const fs::path other = night_.folder() / "other";
  fs::copy_file(path(0), other);
  flip(other, 150000);
  fs::rename(other, path(0));
  EXPECT_THAT(read_rows(0, 0, 400), testing::HasSubstr("the manifest says"));
}

/// Notes what it is asked for.
struct Recorder : FrameGuard {
  Recorder(int& calls, std::int64_t& last_byte) : asked(calls), last(last_byte) {}
  void look(std::int64_t, std::int64_t end) override {
    ++asked;
    last = end;
  }
  void read(int, std::int64_t, std::span<unsigned char>) override { FAIL() << "no pixels were asked for"; }
  std::int64_t step() const override { return 1; }
  int& asked;
  std::int64_t& last;
};

TEST_F(BySums, FilesThatTheLibraryUnpacksAreLookedAtAsAWhole) {
  const ManifestEntry entry = night_.manifest->frames[0];
  int asked = 0;
  std::int64_t last = 0;
  const FrameReader plain(path(0), ZeroIsNodata::kNever, std::make_unique<Recorder>(asked, last));
  EXPECT_EQ(asked, 2);
  EXPECT_LT(last, static_cast<std::int64_t>(entry.size_bytes)) << "the header alone";
  const fs::path packed = night_.folder() / "frame.fits.gz";
  ASSERT_EQ(std::system(("gzip -c '" + path(0).string() + "' > '" + packed.string() + "'").c_str()), 0);
  const FrameReader unpacked(packed, ZeroIsNodata::kNever, std::make_unique<Recorder>(asked, last));
  EXPECT_GE(last, static_cast<std::int64_t>(fs::file_size(packed)));
  EXPECT_FALSE(plain.is_packed());
  EXPECT_TRUE(unpacked.is_packed());
  asked = 0;
  FrameReader again(packed, ZeroIsNodata::kNever, std::make_unique<Recorder>(asked, last), unpacked.head());
  EXPECT_EQ(asked, 0) << "nothing is wanted of it yet";
  EXPECT_EQ(again.facts().width, plain.facts().width);
  last = 0;
  again.read_all();
  EXPECT_GE(last, static_cast<std::int64_t>(fs::file_size(packed)));
}

TEST_F(BySums, ReadingInRowsReadsNoByteTwice) {
  std::vector<float> samples(500 * 400);
  const auto size = static_cast<std::int64_t>(fs::file_size(path(0)));
  const std::int64_t sums =
      static_cast<std::int64_t>(reader_->sums_of(night_.manifest->frames[0])->block_bytes);
  const auto cost = [&](int rows_at_once) {
    const std::int64_t before = process_bytes_read();
    for (int y = 0; y < 400; y += rows_at_once)
      source().open(0).read_rows(0, y, rows_at_once, samples.data());
    return process_bytes_read() - before;
  };
  // The first time, blocks at the ends of what is asked for are read whole, and the header; later not.
  EXPECT_LE(cost(100), size + 5 * sums);
  EXPECT_LE(cost(50), size);
}

TEST_F(BySums, ADamagedObjectIsRefused) {
  const std::string bytes = encode_frame_sums(*night_.manifest, *night_.verified);
  for (std::size_t size = 0; size < bytes.size(); size += 3) {
    VerifiedFiles files;
    EXPECT_THROW(learn_frame_sums(bytes.substr(0, size), *night_.manifest, files), InputError) << size;
  }
  VerifiedFiles files;
  EXPECT_THROW(learn_frame_sums(bytes + "x", *night_.manifest, files), InputError);
  EXPECT_EQ(encode_frame_sums(*night_.manifest, VerifiedFiles()), "") << "nothing is known of them";
}

/// A frame of several blocks, with something behind its samples, whose header alone has been read.
class FirstRead : public testing::Test {
 protected:
  FirstRead() : path_(night_.frames_dir() / night_.manifest->frames[0].path) {
    std::ofstream(path_, std::ios::binary | std::ios::app) << std::string(2880, 'z');
    expected_ = sha256_file(path_, sums_);
    size_ = static_cast<std::int64_t>(fs::file_size(path_));
    entry_ = night_.manifest->frames[0];
    entry_.size_bytes = static_cast<std::uint64_t>(size_);
    entry_.sha256 = "";
    files_.open(path_, ZeroIsNodata::kNever);
  }
  FrameReader open() { return files_.open_first(path_, entry_, ZeroIsNodata::kNever); }
  /// What the end of the first read still reads.
  std::int64_t cost() {
    const std::int64_t before = process_bytes_read();
    files_.end_first(path_, entry_);
    EXPECT_EQ(files_.sha256_of(path_), expected_);
    return process_bytes_read() - before;
  }
  void replace() const {
    const fs::path other = night_.folder() / "other";
    fs::copy_file(path_, other);
    flip(other, 150000);
    fs::rename(other, path_);
  }

  const SmallNight night_{3, 1, [](MethodConfig&) {},
                          [](SimulateOptions& sky) { sky.width = 500, sky.height = 400; }};
  const fs::path path_;
  FileSums sums_;
  std::string expected_;
  std::int64_t size_ = 0;
  ManifestEntry entry_;
  VerifiedFiles files_;
};

TEST_F(FirstRead, TakesTheHashOfWhatIsReadInOrder) {
  const std::int64_t before = process_bytes_read();
  EXPECT_EQ(open().read_all().size(), 3u);
  EXPECT_LE(cost(), 4 * 2880) << "the rest behind the samples";
  const std::int64_t all = process_bytes_read() - before;
  EXPECT_GE(all, size_);
  EXPECT_LE(all, size_ + 4 * 2880);
  EXPECT_LE(cost(), 1000) << "it is known";
  entry_.sha256 = expected_;
  ASSERT_NE(files_.sums_of(entry_), nullptr);
  EXPECT_EQ(*files_.sums_of(entry_), sums_);
}

TEST_F(FirstRead, ReadsWhatWasNotReadInOrder) {
  std::vector<float> rows(500 * 400);
  FrameReader reader = open();
  reader.read_rows(0, 0, 100, rows.data());
  reader.read_rows(0, 50, 80, rows.data());  // some once more
  reader.read_rows(2, 0, 400, rows.data());  // with a gap
  reader.read_rows(0, 100, 300, rows.data());
  EXPECT_GE(cost(), size_ * 6 / 10);
  reader.read_rows(0, 0, 100, rows.data());
  EXPECT_LE(cost(), 1000);
}

TEST_F(FirstRead, AFileThatIsAnotherOneNowIsRefused) {
  {
    FrameReader reader = open();
    reader.read_all();
    replace();
    EXPECT_THAT(refusal([&] { files_.end_first(path_, entry_); }), testing::HasSubstr("another file"));
  }
  EXPECT_THAT(refusal([&] { open(); }), testing::HasSubstr("another file"));
  fs::resize_file(path_, 100000);
  EXPECT_THAT(refusal([&] { open(); }), testing::HasSubstr("the manifest says"));
}

// As a worker does, which has read no header, with what another one says of the file.
TEST_F(FirstRead, WhereTheHashIsKnownItIsComparedAtTheEnd) {
  for (const bool right : {true, false}) {
    entry_.sha256 = right ? expected_ : sha256_hex("a lie");
    VerifiedFiles worker;
    worker.learn(entry_.sha256, sums_);
    worker.open_first(path_, entry_, ZeroIsNodata::kNever).read_all();
    const std::string text = refusal([&] { worker.end_first(path_, entry_); });
    const std::string expected = right ? "" : "has SHA-256 " + expected_ + ", the manifest says";
    EXPECT_THAT(text, testing::HasSubstr(expected));
    EXPECT_EQ(text.empty(), right);
  }
}

TEST_F(FirstRead, AFileThatShrinksOrIsGoneIsNamed) {
  FrameReader reader = open();
  fs::resize_file(path_, 100000);
  EXPECT_THROW(reader.read_all(), TransientError);
  fs::remove(path_);
  EXPECT_THROW(files_.end_first(path_, entry_), TransientError);
}

TEST(VerifiedFiles, WithoutSumsTheWholeFileIsHashedOnce) {
  SmallNight night;
  const auto verified = std::make_shared<VerifiedFiles>();
  const ManifestEntry& entry = night.manifest->frames[0];
  const fs::path path = night.frames_dir() / entry.path;
  EXPECT_NO_THROW(verified->open(path, entry, ZeroIsNodata::kNever));
  ManifestEntry other = entry;
  other.sha256[0] = other.sha256[0] == '0' ? '1' : '0';
  EXPECT_THAT(refusal([&] { verified->open(path, other, ZeroIsNodata::kNever); }),
              testing::HasSubstr("SHA-256"));
  EXPECT_THROW(verified->open(path.string() + ".gone", entry, ZeroIsNodata::kNever), TransientError);
}

}  // namespace
}  // namespace tilecompile
