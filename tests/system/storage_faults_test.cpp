// The storage of a distributed run fails under its workers and comes back: nothing is lost, and the worker
// says what to do. Needs root: the storage is a small disk in a mount namespace of the test's own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "broker/private_broker.hpp"
#include "program.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// A disk in memory, of 64 MB if nothing else is said, seen by this process and those that it starts.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& folder, const char* size = "size=64m") : folder_(folder) {
    fs::create_directory(folder_);
    check(mount("tilecompile-test", folder_.c_str(), "tmpfs", 0, size), "mounting");
  }
  ~SmallDisk() { umount2(folder_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  void fill() const {
    std::ofstream filler(folder_ / "filler", std::ios::binary);
    const std::string block(4096, 'f');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void free() const { fs::remove(folder_ / "filler"); }
  /// Tried again while a file is open for writing.
  void make_read_only(bool yes) const {
    unsigned long flags = MS_REMOUNT | MS_BIND;
    if (yes) flags |= MS_RDONLY;
    int result = -1;
    for (int i = 0; i < 10000 && result != 0; ++i) {
      result = mount(nullptr, folder_.c_str(), nullptr, flags, nullptr);
      if (result != 0 && errno != EBUSY) break;
    }
    check(result, "remounting");
  }
  void move(const fs::path& from, const fs::path& to) const {
    check(mount(from.c_str(), to.c_str(), nullptr, MS_MOVE, nullptr), "moving");
  }
  const fs::path& folder() const { return folder_; }

 private:
  static void check(int result, const char* doing) {
    if (result != 0) throw std::runtime_error(std::string(doing) + " the disk: " + std::strerror(errno));
  }
  fs::path folder_;
};

class StorageFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed() || geteuid() != 0) return;
    // Kept from here on; mounts of this process are nobody else's business.
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
    broker_ = new PrivateBroker();
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + (*folder_ / "night").string() +
                                  " --frames 40 --width 700 --height 400 --stars 150 --drift 20 --seed 29");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    std::string flags;
    for (const std::string& word : words(new_uuid())) flags += "'" + word + "' ";
    const auto ended = run_program("run " + flags);
    ASSERT_EQ(ended.exit_code, 0) << ended.text;
    reference_ = product_digests(*folder_ / "out/latest");
    ASSERT_GE(reference_.size(), 4u);
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete broker_;
  }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    if (broker_ == nullptr) GTEST_SKIP() << "needs root and mount namespaces";
    broker_->wait_until_quiet();  // the workers of the case before
  }
  static std::vector<std::string> words(const std::string& id, const fs::path& output = *folder_ / "out") {
    std::vector<std::string> all = {(*folder_ / "night/run.yaml").string(), "--run-id", id, "--output",
                                    output.string()};
    for (const char* set :
         {"tile.min_size=48", "parallel.batch=2", "synthetic.enabled=true", "synthetic.frames_min=2",
          "retry.base_s=1", "retry.cap_s=2", "retry.max_attempts=20"})
      all.insert(all.end(), {"--set", set});
    return all;
  }
  /// A run whose storage is spoilt once its worker has begun, and mended when the worker has said `told`.
  void expect_same_pictures(const SmallDisk& disk, const std::function<void()>& spoil,
                            const std::function<void()>& mend, const std::vector<std::string>& told) const {
    const std::string id = new_uuid(), port = std::to_string(broker_->port());
    std::vector<std::string> arguments = words(id);
    arguments.insert(arguments.begin(), "master");
    for (const std::string& set : {"storage.root=" + disk.folder().string(), "broker.port=" + port})
      arguments.insert(arguments.end(), {"--set", set});
    StartedProgram master(arguments, *folder_ / (id + ".master.log"));
    StartedProgram worker(
        {"worker", "--broker.port", port, "--input.dir", (*folder_ / "night/frames").string(),
         "--storage.root", disk.folder().string(), "--parallel.threads", "1", "--log-level", "debug"},
        *folder_ / (id + ".worker.log"));
    ASSERT_TRUE(worker.wait_for("tile done")) << worker.text() << master.text();
    spoil();
    EXPECT_TRUE(master.wait_for("a tile is tried again later")) << master.text();
    for (const std::string& text : told) EXPECT_TRUE(worker.wait_for(text)) << text << "\n" << worker.text();
    mend();
    ASSERT_EQ(master.wait(), 0) << master.text();
    EXPECT_EQ(product_digests(*folder_ / "out" / id), reference_);
    EXPECT_TRUE(worker.running()) << worker.text();
    worker.send(SIGTERM);
    EXPECT_EQ(worker.wait(), 143) << worker.text();
  }

  static inline PrivateBroker* broker_ = nullptr;
  static inline TempDir* folder_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
};

TEST_F(StorageFaults, AFullDiskIsWaitedFor) {
  const SmallDisk disk(*folder_ / "full");
  expect_same_pictures(
      disk, [&] { disk.fill(); }, [&] { disk.free(); },
      {"writing " + disk.folder().string(),
       "No space left on device; free space on the file system of " + disk.folder().string()});
}

// Journal and events lie there too: the console says it once, and `status` sees it by itself.
TEST_F(StorageFaults, AFullOutputFolderIsSaidOnceAndWaitedFor) {
  const SmallDisk disk(*folder_ / "output", "size=256m");
  const std::string id = new_uuid(), port = std::to_string(broker_->port());
  std::vector<std::string> arguments = words(id, disk.folder());
  arguments.insert(arguments.begin(), "master");
  arguments.insert(arguments.end(), {"--set", "broker.port=" + port});
  StartedProgram master(arguments, *folder_ / (id + ".master.log"));
  StartedProgram worker(
      {"worker", "--broker.port", port, "--input.dir", (*folder_ / "night/frames").string(), "--storage.root",
       disk.folder().string(), "--parallel.threads", "1", "--log-level", "debug"},
      *folder_ / (id + ".worker.log"));
  ASSERT_TRUE(worker.wait_for("tile done")) << worker.text() << master.text();
  disk.fill();
  ASSERT_TRUE(master.wait_for("the run stands still, disk full")) << master.text();
  const auto status = run_program("status " + id + " --output '" + disk.folder().string() + "'");
  EXPECT_NE(status.text.find("stands still: disk full"), std::string::npos) << status.text;
  disk.free();
  ASSERT_EQ(master.wait(), 0) << master.text();
  EXPECT_EQ(product_digests(disk.folder() / id), reference_);
  const std::string log = master.text();
  EXPECT_EQ(log.find("disk full"), log.rfind("disk full")) << log;
}

TEST_F(StorageFaults, AReadOnlyDiskIsWaitedFor) {
  const SmallDisk disk(*folder_ / "read-only");
  expect_same_pictures(
      disk, [&] { disk.make_read_only(true); }, [&] { disk.make_read_only(false); },
      {"writing " + disk.folder().string(),
       "the file system is mounted read-only: mount it writable or choose another folder"});
}

// The folder under the mount is there and takes files: they would be lost when the mount comes back.
TEST_F(StorageFaults, AVanishedMountIsWaitedForAndNothingIsWrittenUnderIt) {
  const SmallDisk disk(*folder_ / "mount");
  const fs::path away = *folder_ / "away";
  fs::create_directory(away);
  expect_same_pictures(
      disk, [&] { disk.move(disk.folder(), away); },
      [&] {
        EXPECT_TRUE(fs::is_empty(disk.folder()));
        disk.move(away, disk.folder());
      },
      {"nothing is mounted on " + disk.folder().string() + " any more; mount it again"});
}

}  // namespace
}  // namespace tilecompile
