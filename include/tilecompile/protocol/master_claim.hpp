#pragma once
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// What keeps a second master away from a vhost that is for one run at a time (parallel.isolation `shared`
/// and `vhost`): the exclusive consumer of tile.master, held from the first frame to the last product. The
/// broker frees it when a master dies. With isolation `run` it does nothing.
class MasterClaim {
 public:
  /// Throws UsageError when another master has the vhost.
  MasterClaim(Transport& transport, Isolation isolation, const std::string& vhost);
  /// Removes the queue.
  ~MasterClaim();
  MasterClaim(const MasterClaim&) = delete;
  MasterClaim& operator=(const MasterClaim&) = delete;

 private:
  Transport& transport_;
  bool held_ = false;
};

}  // namespace tilecompile
