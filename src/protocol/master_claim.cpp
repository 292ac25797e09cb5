#include "tilecompile/protocol/master_claim.hpp"

#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

constexpr const char* kClaimQueue = "tile.master";
constexpr std::int64_t kExpiresMs = 24LL * 3600 * 1000;

}  // namespace

MasterClaim::MasterClaim(Transport& transport, Isolation isolation, const std::string& vhost)
    : transport_(transport) {
  if (isolation == Isolation::kRun) return;
  QueueSpec claim;
  claim.name = kClaimQueue;
  claim.expires_ms = kExpiresMs;
  transport.declare(claim);
  try {
    transport.consume(kClaimQueue, 1, true);
  } catch (const AccessRefused&) {
    throw;
  } catch (const UsageError& refused) {
    throw UsageError(
        "another master works on virtual host '" + vhost +
        "', and parallel.isolation: " + (isolation == Isolation::kVhost ? "vhost" : "shared") +
        " means one at a time: wait for it, or use parallel.isolation: run, or a virtual host of "
        "its own in broker.vhost (" +
        refused.what() + ")");
  }
  held_ = true;
}

MasterClaim::~MasterClaim() {
  if (!held_) return;
  try {
    transport_.cancel(kClaimQueue);
    transport_.remove_queue(kClaimQueue);
  } catch (const Error& error) {
    log_warning(std::string("the queue ") + kClaimQueue + " stays behind: " + error.what());
  }
}

}  // namespace tilecompile
