#include "tilecompile/siril/child_process.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

ChildCommand shell(const TempDir& folder, const std::string& script) {
  ChildCommand command;
  command.program = "/bin/sh";
  command.arguments = {"-c", script};
  command.environment = {"PATH=/usr/bin:/bin", "COLOUR=green"};
  command.output = folder / "out";
  return command;
}

std::string output(const TempDir& folder) {
  std::ifstream in(folder / "out");
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ChildProcess, GivesExitCodeOutputAndEnvironment) {
  const TempDir folder;
  EXPECT_EQ(run_child(shell(folder, "echo $COLOUR; echo bad >&2; cat; exit 7")), 7);
  EXPECT_EQ(output(folder), "green\nbad\n");
  EXPECT_EQ(run_child(shell(folder, "kill -TERM $$")), 128 + 15);
}

TEST(ChildProcess, EndsASlowOneWithItsChildren) {
  const TempDir folder;
  ChildCommand command = shell(folder, "(sleep 1; echo late) & wait");
  command.timeout_s = 0.1;
  EXPECT_THROW(run_child(command), TransientError);
  command.timeout_s = 0;
  struct Stop : Observer {
    void check_stop() override { throw InputError("stop"); }
  } stop;
  command.observer = &stop;
  EXPECT_THROW(run_child(command), InputError);
  EXPECT_EQ(run_child(shell(folder, "sleep 1.2")), 0);
  EXPECT_EQ(output(folder), "");
}

TEST(ChildProcess, FindsProgramsInPath) {
  EXPECT_EQ(find_program("sh").filename(), "sh");
  EXPECT_TRUE(find_program("no-such-program-here").empty());
}

}  // namespace
}  // namespace tilecompile
