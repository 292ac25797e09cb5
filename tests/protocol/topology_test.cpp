#include "tilecompile/protocol/topology.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(Topology, ResultsComeFromTheUserThatTheRolesSay) {
  const std::string worker = "tilecompile-worker", own = worker + ".barn-1";
  struct Row {
    BrokerRoles roles;
    std::string user;
    bool counts;
  };
  const std::vector<Row> rows = {
      {BrokerRoles::kNone, "", true},
      {BrokerRoles::kNone, "guest", true},
      {BrokerRoles::kShared, worker, true},
      {BrokerRoles::kShared, "", false},
      {BrokerRoles::kShared, "tilecompile-master", false},
      {BrokerRoles::kShared, own, false},
      {BrokerRoles::kOwn, own, true},
      {BrokerRoles::kOwn, "", false},
      {BrokerRoles::kOwn, worker, false},
      {BrokerRoles::kOwn, worker + ".barn-2", false},
      {BrokerRoles::kOwn, worker + ".barn-11", false},
  };
  for (const Row& row : rows) {
    const std::string why = wrong_user(row.roles, "barn-1", row.user);
    EXPECT_EQ(why.empty(), row.counts) << static_cast<int>(row.roles) << " " << row.user << ": " << why;
    if (row.counts) continue;
    EXPECT_NE(why.find(row.user.empty() ? "no user by name" : row.user), std::string::npos) << why;
    EXPECT_NE(why.find(worker_user(row.roles, "barn-1")), std::string::npos) << why;
  }
}

}  // namespace
}  // namespace tilecompile
