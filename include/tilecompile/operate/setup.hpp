#pragma once
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Exchanges and queues that outlast runs, as master and workers of this configuration declare them.
std::vector<QueueSpec> lasting_queues(const RunConfig& config);

/// `tilecompile setup`: declares them; repeating it changes nothing. Returns the names of the queues.
/// Throws AccessRefused when the user may not declare, UsageError when a queue exists with other arguments.
std::vector<std::string> set_up_broker(const RunConfig& config);

/// Declares a queue, or, for a user who may not, makes sure that it is there. Throws UsageError when such a
/// user finds none.
void declare_if_allowed(Transport& transport, const QueueSpec& queue);

}  // namespace tilecompile
