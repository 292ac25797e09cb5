#pragma once
#include <set>
#include <string>
#include <vector>

namespace tilecompile {

/// Sources without a test of their name, and why that is right.
struct UntestedSources {
  std::string reason;
  std::string covered_by;         ///< the test that holds them, from the top folder
  std::set<std::string> sources;  ///< room/name
};
const std::vector<UntestedSources>& untested_sources();

}  // namespace tilecompile
