#pragma once
#include <future>
#include <string>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Publishes a message that reaches no queue and sees whether the broker takes it: a client learns of an alarm
/// in no other way. Returns why it does not, as Transport::blocked; empty when it does, and when it says
/// nothing within two seconds.
std::string find_alarm(Transport& transport);

/// Logs what find_alarm finds.
void warn_of_alarm(Transport& transport);

/// Waits until the broker has taken a message, for commands that do not wait for the end of an alarm. Throws
/// what the future throws, and TransientError as soon as the broker is known to take none.
void await_confirm(const Transport& transport, std::future<void> confirm);

}  // namespace tilecompile
