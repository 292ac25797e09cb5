#include <gtest/gtest.h>

#include <fstream>

#include "broker/shared_broker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

// Digests of all products of a run with the flags.
std::map<std::string, std::string> digests_of(const std::string& mode, const std::string& flags,
                                              const std::filesystem::path& folder) {
  const std::string id = new_uuid();
  const auto ended = run_program(mode + " '" + (folder / "run.yaml").string() + "' --quiet --run-id " + id +
                                 " --output '" + (folder / "out").string() + "' " + flags);
  EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << ended.text;  // 3: the verdict is not the point
  return product_digests(folder / "out" / id);
}

TEST(FrameChunks, OfRealFramesGiveTheSameBitsInOneProcessAndOverTheQueue) {
  TILECOMPILE_NEEDS_DATA("hatp32")
  TILECOMPILE_NEEDS_RABBITMQ
  const TempDir folder;
  std::ofstream(folder / "run.yaml") << "input: {dir: '" << (test_data() / "hatp32").string() << "'}\n"
                                     << "data: {saturation: 3800}\n";
  const auto reference = digests_of("run", "", folder.path());
  ASSERT_GE(reference.size(), 2u);
  const std::string chunks = " --set parallel.frame_chunks=1";  // of 64 of the 142 frames
  EXPECT_EQ(digests_of("run", chunks, folder.path()), reference);
  const PrivateBroker& broker = shared_broker();
  EXPECT_EQ(digests_of("master", "--workers 2 --set broker.port=" + std::to_string(broker.port()) + chunks,
                       folder.path()),
            reference);
}

TEST(FrameChunks, AreRefusedWithWhatNeedsAllFrames) {
  const TempDir folder;
  std::ofstream(folder / "run.yaml") << "profile: v2\ninput: {dir: nowhere}\n";
  for (const std::string key : {"reconstruction.rejection=sigma_clip",
                                "reconstruction.noise_guard=significance", "diagnostics.enabled=true"}) {
    const auto refused = run_program("run '" + (folder / "run.yaml").string() +
                                     "' --set parallel.frame_chunks=1 --set " + key);
    EXPECT_EQ(refused.exit_code, 2) << refused.text;
    EXPECT_NE(refused.text.find(key.substr(0, key.find('='))), std::string::npos) << refused.text;
  }
}

}  // namespace
}  // namespace tilecompile
