#include "tilecompile/night/frame_listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "test_data.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

void touch(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "x";
}

/// Another user, for as long as it lives: root may read every folder.
class AsNobody {
 public:
  AsNobody() : was_(geteuid()) {
    if (was_ == 0) become(65534);
  }
  ~AsNobody() {
    if (was_ == 0) become(0);
  }

 private:
  static void become(uid_t user) { EXPECT_EQ(seteuid(user), 0); }
  uid_t was_;
};

TEST(SystemFolders, ByNameInAnyCase) {
  for (const char* name :
       {".Trash-1000", ".git", "$RECYCLE.BIN", "$Recycle.Bin", "@eaDir", "#recycle", "#snapshot", "__MACOSX",
        "lost+found", "System Volume Information", ".AppleDouble", "RECYCLER"})
    EXPECT_TRUE(is_folder_of_the_system(name)) << name;
  for (const char* name : {"lights", "M31", "night #1", "$lights", "snapshot", "trash", "@home"})
    EXPECT_FALSE(is_folder_of_the_system(name)) << name;
}

TEST(FrameListing, FramesInNaturalOrderFromAllFolders) {
  const TempDir folder;
  for (const char* file : {"f10.fit", "f2.FITS", "sub/f1.fts.gz", "b.fit.fz", "text.txt", "picture.png"})
    touch(folder / file);
  const FrameListing all = list_frames(FrameOrigin(folder.path()), "");
  EXPECT_THAT(all.paths, ElementsAre("b.fit.fz", "f2.FITS", "f10.fit", "sub/f1.fts.gz"));
  EXPECT_THAT(all.notes, ElementsAre());
  EXPECT_THAT(list_frames(FrameOrigin(folder.path()), "f*.fit").paths, ElementsAre("f10.fit"));
}

TEST(FrameListing, TiffFilesAreFramesWhereNothingElseIs) {
  const TempDir folder;
  touch(folder / "lights/f2.tif");
  touch(folder / "lights/f1.TIFF");
  const FrameListing alone = list_frames(FrameOrigin(folder.path()), "");
  EXPECT_THAT(alone.paths, ElementsAre("lights/f1.TIFF", "lights/f2.tif"));
  EXPECT_THAT(alone.notes, ElementsAre());
  touch(folder / "f3.fit");
  const FrameListing beside = list_frames(FrameOrigin(folder.path()), "");
  EXPECT_THAT(beside.paths, ElementsAre("f3.fit"));
  EXPECT_THAT(beside.notes,
              ElementsAre(HasSubstr("left out; set input.pattern if they are the frames: lights/f1.TIFF")));
  EXPECT_THAT(list_frames(FrameOrigin(folder.path()), "*.tif").paths, ElementsAre("lights/f2.tif"));
}

TEST(FrameListing, RunDirectoriesAreNoInput) {
  const TempDir folder;
  touch(folder / "f1.fit");
  const std::string run = "0a1b2c3d-0000-4000-8000-000000000001";
  touch(folder / "out" / run / "manifest.json");
  touch(folder / "out" / run / "tiles/tile_000000.fits");
  touch(folder / "out" / "M_51_2026-03-14" / "stacked.fit");
  touch(folder / "out" / "M_51_2026-03-14" / "maps" / "stacked.neff.fits");
  fs::create_directory_symlink("../" + run, folder / "out" / "M_51_2026-03-14" / "work");
  EXPECT_THAT(list_frames(FrameOrigin(folder.path()), "").paths, ElementsAre("f1.fit"));
}

TEST(FrameListing, FoldersThatThisUserMayNotReadAreSaid) {
  const TempDir folder;
  fs::permissions(folder.path(), fs::perms(0755));  // the other user keeps the group
  touch(folder / "f1.fit");
  touch(folder / "closed/f2.fit");
  fs::permissions(folder / "closed", fs::perms::none);
  FrameListing found;
  {
    const AsNobody nobody;
    found = list_frames(FrameOrigin(folder.path()), "");
  }
  fs::permissions(folder / "closed", fs::perms::owner_all);
  EXPECT_THAT(found.paths, ElementsAre("f1.fit"));
  EXPECT_THAT(found.notes,
              ElementsAre(HasSubstr("this user may not read, so their frames are not used: closed")));
}

}  // namespace
}  // namespace tilecompile
