// What is on the disk when a machine loses its power, as far as the order of calls decides it: content before
// its name, the name before anything that relies on it.
#include <gtest/gtest.h>

#include <algorithm>

#include "file_calls.hpp"
#include "test_data.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {

using Calls = std::vector<std::string>;

TEST(FileOrder, AFileIsSyncedBeforeItGetsItsNameAndItsFolderAfterwards) {
  TempDir dir;
  const FileCalls calls(dir.path());
  write_file_atomically(dir / "a", "content");
  EXPECT_EQ(calls.so_far(), (Calls{"write .tmp-", "sync .tmp-", "rename a", "sync ."}));
}

TEST(FileOrder, AFileWrittenInPiecesGetsItsNameWhenAllOfThemAreSynced) {
  TempDir dir;
  const FileCalls calls(dir.path());
  AtomicFile file(dir / "a");
  file.write_at(4, "tent");
  file.write_at(0, "con");
  EXPECT_EQ(calls.so_far(), Calls{"write .tmp-"});
  file.keep();
  EXPECT_EQ(calls.so_far(), (Calls{"write .tmp-", "sync .tmp-", "rename a", "sync ."}));
}

TEST(FileOrder, AnObjectOfTheFileStoreIsDurableWithItsFolders) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  const FileCalls calls(dir.path());
  store->put("run/tiles/t.fits", "content");
  EXPECT_EQ(calls.so_far(), (Calls{"sync .", "sync run", "write run/tiles/.tmp-", "sync run/tiles/.tmp-",
                                   "rename run/tiles/t.fits", "sync run/tiles"}));
  const FileCalls again(dir.path());
  store->put("run/tiles/u.fits", "content");
  EXPECT_EQ(again.so_far(), (Calls{"write run/tiles/.tmp-", "sync run/tiles/.tmp-", "rename run/tiles/u.fits",
                                   "sync run/tiles"}));
}

TEST(FileOrder, EveryLineOfTheJournalIsSyncedBeforeItCounts) {
  TempDir dir;
  RunDirectory directory(dir.path(), "run");
  const FileCalls calls(dir / "run");
  directory.append_journal("{}");
  EXPECT_EQ(calls.so_far(), (Calls{"write journal.jsonl", "datasync journal.jsonl"}));
  directory.append_event("something", {});
  directory.append_journal("{}");
  const Calls after = calls.so_far();
  ASSERT_GE(after.size(), 2u);
  EXPECT_EQ(Calls(after.end() - 2, after.end()), (Calls{"write journal.jsonl", "datasync journal.jsonl"}));
}

TEST(FileOrder, ARecordOfTheRunIsReplacedWhole) {
  TempDir dir;
  const RunDirectory directory(dir.path(), "run");
  const FileCalls calls(dir / "run");
  directory.write("run.json", "{}");
  EXPECT_EQ(calls.so_far(), (Calls{"write .tmp-", "sync .tmp-", "rename run.json", "sync ."}));
}

TEST(RunLock, ASignalDoesNotLetASecondMasterIn) {
  TempDir dir;
  {
    interrupted_locks() = 3;
    const RunDirectory first(dir.path(), "run");
    EXPECT_EQ(interrupted_locks(), 0);
    interrupted_locks() = 3;
    EXPECT_THROW(RunDirectory(dir.path(), "run"), UsageError);
    EXPECT_EQ(interrupted_locks(), 0);
    interrupted_sleeps() = true;  // also the pause after the last try
    EXPECT_THROW(RunDirectory(dir.path(), "run"), UsageError);
    interrupted_sleeps() = false;
  }
  EXPECT_NO_THROW(RunDirectory(dir.path(), "run"));
}

}  // namespace
}  // namespace tilecompile
