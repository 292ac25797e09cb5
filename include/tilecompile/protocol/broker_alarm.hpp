#pragma once
#include <future>
#include <string>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Publishes messages that reach no queue and sees whether the broker takes them: a client learns of an alarm
/// in no other way. The transport logs what it learns. Returns why it does not, as Transport::blocked; empty
/// when it does, and when it says nothing within two seconds.
std::string find_alarm(Transport& transport);

/// Waits until the broker has taken a message, for commands that do not wait for the end of an alarm. Throws
/// what the future throws, and TransientError as soon as the broker is known to take none.
void await_confirm(const Transport& transport, std::future<void> confirm);

}  // namespace tilecompile
