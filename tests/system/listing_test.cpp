#include <gmock/gmock.h>

#include <cstdlib>

#include "night_folder.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

int frames_in(const NightFolder& night) { return night.record().at("frames").at("count"); }

/// Runs, and expects the six frames of the night and nothing else.
void expect_six(const NightFolder& night) {
  const ProgramEnd end = night.call("run");
  ASSERT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(frames_in(night), 6);
  EXPECT_EQ(night.paths_of("quarantined_frames"), "");
}

TEST(Listing, TrashAndFoldersOfTheSystemAreSkippedAndSaid) {
  const NightFolder night;
  for (const char* folder :
       {".Trash-1000/files", "$RECYCLE.BIN", "@eaDir", "#recycle", "#snapshot/old", ".AppleDouble",
        "__MACOSX", "lost+found", "System Volume Information", ".hidden", "sub/.Trashes"})
    night.write(std::string(folder) + "/deleted.fits", 9);
  night.write("._f1.fits", 9);
  expect_six(night);
  EXPECT_THAT(night.warnings(),
              HasSubstr("11 files with names of frames in hidden, trash or system folders, left out"));
  EXPECT_THAT(night.warnings(), HasSubstr("#recycle"));
  EXPECT_THAT(night.warnings(),
              HasSubstr("1 file with the name of a frame, but hidden, left out: ._f1.fits"));
  EXPECT_THAT(night.call("plan").out, HasSubstr("11 files with names of frames in hidden"));
}

TEST(Listing, LinkedFoldersAndLinksToNowhereAreSaid) {
  const NightFolder night;
  fs::create_directory(night.path() / "elsewhere");
  fs::copy_file(night.frames() / "f1.fits", night.path() / "elsewhere/g1.fits");
  fs::create_directory_symlink(night.path() / "elsewhere", night.frames() / "linked");
  fs::create_directory_symlink(night.frames(), night.frames() / "circle");
  fs::create_symlink("gone", night.frames() / "night2");
  expect_six(night);
  EXPECT_THAT(night.warnings(),
              HasSubstr("linked folders are not followed, 7 files with names of frames there"));
  EXPECT_THAT(night.warnings(), HasSubstr("circle, linked"));
  EXPECT_THAT(night.warnings(), HasSubstr("links that lead nowhere: night2"));
}

TEST(Listing, OnlySkippedFramesAreSaidWithTheError) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i) fs::remove(night.frames() / NightFolder::name(i));
  night.write("#recycle/f.fits", 1);
  const ProgramEnd end = night.call("run");
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("no frames in"));
  EXPECT_THAT(end.err, HasSubstr("#recycle"));
}

TEST(Twins, CopiesLinksAndPackedFramesAreCountedOnce) {
  const NightFolder night;
  ASSERT_EQ(night.call("run").code, 0);
  const std::string digest = night.digest();
  const auto frame = [&](const char* name) { return night.frames() / name; };
  fs::copy_file(frame("f1.fits"), frame("g_copy of f1.fits"));
  fs::create_symlink("f2.fits", frame("h_link.fits"));
  fs::create_hard_link(frame("f3.fits"), frame("i_link.fits"));
  ASSERT_EQ(std::system(("gzip -k '" + frame("f4.fits").string() + "'").c_str()), 0);
  night.write("j_again.fits", 5, {{"OBJECT", std::string("M 31"), ""}});  // another header
  Image scaled = NightFolder::picture(6);
  for (float& v : scaled[0].samples()) v /= 65535;
  ProductHeader header;
  header.cards = NightFolder::cards(6);
  header.cards[1].value = std::string("2024-03-01 20:06:00.000");
  write_image(frame("k_scaled.fits"), scaled, header);
  expect_six(night);
  EXPECT_EQ(night.paths_of("left_out_frames"),
            "f4.fits.gz\ng_copy of f1.fits\nh_link.fits\ni_link.fits\nj_again.fits\nk_scaled.fits\n");
  EXPECT_EQ(night.digest(), digest);
  fs::remove(frame("k_scaled.fits"));  // its numbers are of another scale than those of the others
  ASSERT_EQ(night.call("run", {"--set", "input.duplicates=keep"}).code, 0);
  EXPECT_EQ(frames_in(night), 11);
  EXPECT_EQ(night.paths_of("left_out_frames"), "");
  const ProgramEnd plan = night.call("plan");
  EXPECT_THAT(plan.out, HasSubstr("left out: f4.fits.gz: is the exposure of f4.fits once more"));
  EXPECT_THAT(plan.out, HasSubstr("left out: h_link.fits: has the same content as f2.fits"));
}

TEST(Twins, EqualTimesAloneDropNothing) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i, {{"DATE-OBS", std::string("2024-03-01T20:00:00"), ""}});
  expect_six(night);
  EXPECT_EQ(night.paths_of("left_out_frames"), "");
  EXPECT_THAT(night.warnings(), HasSubstr("6 of 6 frames state one and the same start"));
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i,
                {{"DATE-OBS", "2024-03-01T20:00:0" + std::to_string(i / 2), ""}, {"EXPTIME", 0.5, ""}});
  expect_six(night);
  EXPECT_EQ(night.paths_of("left_out_frames") + night.warnings(), "");
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i,
                {{"DATE-OBS", "2024-03-01T20:0" + std::to_string(i == 6 ? 5 : i) + ":00", ""}});
  expect_six(night);
  EXPECT_THAT(night.warnings(),
              HasSubstr("2 of 6 frames state the start and exposure of another, but show other "
                        "pixels"));
  EXPECT_THAT(night.warnings(), HasSubstr("f5.fits, f6.fits"));
}

}  // namespace
}  // namespace tilecompile
