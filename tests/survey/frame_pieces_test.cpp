#include "tilecompile/survey/frame_pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "same_bits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/night/frame_scan.hpp"

namespace tilecompile {
namespace {

TEST(FramePieces, BandsCoverTheImageOnceAndBeginWhereLevelsBegin) {
  for (const int height : {1, 63, 64, 65, 1080, 4021, 14000}) {
    const auto bands = frame_items(TaskWork::kStack, 37, height, 5);
    int next = 0;
    for (const Box& band : bands) {
      EXPECT_EQ(band.y0, next);
      EXPECT_EQ(band.y0 % 64, 0);
      EXPECT_EQ(band.w, 37);
      next = band.y1();
    }
    EXPECT_EQ(next, height);
    EXPECT_LE(bands.size(), 50u);
  }
  EXPECT_EQ(frame_items(TaskWork::kStars, 37, 41, 5).size(), 5u);
}

/// Flats of unequal brightness over a slope, and what is subtracted from them.
struct FlatNight {
  FlatNight() {
    std::vector<std::string> paths;
    for (int f = 0; f < 5; ++f) {
      Plane<std::uint16_t> plane(kWidth, kHeight);
      for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x)
          plane.at(x, y) =
              static_cast<std::uint16_t>(2000 + 300 * f + 7 * x + 3 * y + (x * y * (f + 1)) % 11);
      paths.push_back("flat" + std::to_string(f) + ".fits");
      write_image(folder / paths.back(), std::vector<Plane<std::uint16_t>>{plane}, {});
    }
    manifest = std::make_shared<Manifest>(
        scan_frames(folder.path(), paths, 1, {MethodConfig{}.data, true}, verified).manifest);
    state.making.pedestal = std::make_shared<const Plane<float>>(kWidth, kHeight, 250.F);
  }
  FrameSource source() const { return {folder.path(), manifest, ZeroIsNodata::kNever, verified}; }
  TileTask task(TaskWork work) const {
    TileTask task;
    task.run_id = "1d6f2c8e-0c61-4b3c-8f7d-2f0a7a0b9b55";
    task.work = work;
    task.last_frame = 4;
    return task;
  }
  static constexpr int kWidth = 50, kHeight = 150;
  TempDir folder;
  std::shared_ptr<VerifiedFiles> verified = std::make_shared<VerifiedFiles>();
  std::shared_ptr<Manifest> manifest;
  PassState state;
};

TEST(FramePieces, MastersInBandsAreThoseOfOneProcess) {
  FlatNight night;
  const FrameSource source = night.source();
  const MethodConfig method;
  LocalPasses alone(source, method, 2, nobody());
  const std::vector<FlatLook> looks = alone.look_at_flats(night.state.making);
  const TileTask of_levels = night.task(TaskWork::kFlatLevels), of_rows = night.task(TaskWork::kMaster);
  for (const bool flats : {false, true}) {
    if (flats) night.state.making.flats = looks;
    const Plane<float> whole = alone.make_master(night.state.making);
    MasterMaking row_by_row = night.state.making;
    row_by_row.memory_bytes = 1;
    expect_same_bits(alone.make_master(row_by_row), whole, "row by row");
    const auto bands = frame_items(TaskWork::kMaster, night.kWidth, night.kHeight, 5);
    ASSERT_EQ(bands.size(), 3u);
    for (int id = 0; id < 3; ++id) {
      const TaskTile item{id, bands[static_cast<std::size_t>(id)]};
      const std::string piece = make_frame_piece(of_rows, item, {source, method, night.state});
      const Plane<float> rows = read_rows(piece, of_rows, item);
      for (int y = 0; y < item.box.h; ++y)
        EXPECT_TRUE(std::equal(rows.row(y), rows.row(y) + night.kWidth, whole.row(item.box.y0 + y))) << y;
      EXPECT_THROW(read_rows(piece, of_levels, item), InputError);
      EXPECT_THROW(read_rows(piece, of_rows, {id + 1, item.box}), InputError);
      EXPECT_THROW(read_rows(piece, of_rows, {id, {0, item.box.y0, 50, item.box.h - 1}}), InputError);
      EXPECT_THROW(read_rows(piece.substr(0, piece.size() - 1), of_rows, item), InputError);
    }
    // A flat is brought to 1, a mean of frames stays theirs.
    EXPECT_NEAR(whole.at(25, 75), flats ? 1 : 3010, flats ? 0.05 : 15);
  }
  const std::string look = make_frame_piece(of_levels, {3, {}}, {source, method, night.state});
  EXPECT_EQ(read_flat_look(look, of_levels, 3).levels, looks[3].levels);
  EXPECT_EQ(read_flat_look(look, of_levels, 3).fault, FlatFault::kNone);
  EXPECT_NEAR(looks[3].levels[0], 2000 + 300 * 3 + 7 * 24.5 + 3 * 74.5 + 5 - 250, 10);
  EXPECT_THROW(read_flat_look(look, of_levels, 2), InputError);
}

TEST(FramePieces, TheMedianInBandsIsThatOfOneProcess) {
  FlatNight night;
  const FrameSource source = night.source();
  const MethodConfig method;
  FrameMetrics& metrics = night.state.analysis.metrics;
  metrics.channels.assign(1, std::vector<FrameChannel>(5));
  for (std::size_t f = 0; f < 5; ++f) metrics.channels[0][f].background = 40.0 * static_cast<double>(f);
  const Plane<float> whole =
      LocalPasses(source, method, 2, nobody()).proof_median(metrics, std::size_t{1} << 30);
  EXPECT_NEAR(whole.at(25, 75), 2000 + 260 * 2 + 7 * 25 + 3 * 75, 12) << "of five, the third";
  const TileTask task = night.task(TaskWork::kMedian);
  const auto bands = frame_items(task.work, night.kWidth, night.kHeight, 5);
  ASSERT_EQ(bands.size(), 3u);
  for (int id = 0; id < 3; ++id) {
    const TaskTile item{id, bands[static_cast<std::size_t>(id)]};
    const std::string piece = make_frame_piece(task, item, {source, method, night.state});
    const Plane<float> rows = read_rows(piece, task, item);
    for (int y = 0; y < item.box.h; ++y)
      EXPECT_TRUE(std::equal(rows.row(y), rows.row(y) + night.kWidth, whole.row(item.box.y0 + y))) << y;
  }
}

TEST(FramePieces, TheContentOfAFileComesBackAndNothingElseIsTakenForIt) {
  FlatNight night;
  const FrameSource source = night.source();
  const Manifest hashed = *night.manifest;
  for (ManifestEntry& frame : night.manifest->frames) frame.sha256 = "";
  const TileTask task = night.task(TaskWork::kHash);
  const std::string piece = make_frame_piece(task, {3, {}}, {source, MethodConfig{}, night.state});
  const FileContent content = read_content(piece, task, 3, *night.manifest);
  EXPECT_EQ(content.sha256, hashed.frames[3].sha256);
  EXPECT_EQ(content.sums, *night.verified->sums_of(hashed.frames[3]));
  EXPECT_THROW(read_content(piece, task, 2, *night.manifest), InputError);
  EXPECT_THROW(read_content(piece.substr(0, piece.size() - 8), task, 3, *night.manifest), InputError);
  Manifest larger = *night.manifest;
  larger.frames[3].size_bytes += 2880;
  EXPECT_THROW(read_content(piece, task, 3, larger), InputError) << "the sums are of another size";
  std::string no_digest = piece;
  no_digest[no_digest.find('\n') + 1 + 8] = 'x';
  EXPECT_THROW(read_content(no_digest, task, 3, *night.manifest), InputError);
}

}  // namespace
}  // namespace tilecompile
