#pragma once
#include <sys/time.h>

#include <string>

#include "amqp_link.hpp"

namespace tilecompile {

/// "host:port" for messages.
std::string broker_address(const AmqpOptions& options);

/// Throws UsageError when the connection would leave this host unencrypted and nobody allowed it. Only
/// loopback addresses and `localhost` count as this host: other names may lead anywhere tomorrow.
void check_plaintext(const AmqpOptions& options);

/// Opens a TLS socket for `state` and checks the broker's certificate. Returns the library's status; throws
/// UsageError when a file cannot be used, the certificate is not to be trusted (which of date, authority,
/// host name), or the port speaks no TLS: nothing of this passes by trying again.
int open_tls_socket(amqp_connection_state_t state, const AmqpOptions& options, timeval limit);

/// Throws UsageError when the broker ended the session over our certificate. With TLS 1.3 it does so only
/// after the handshake, in the first answer.
void throw_if_certificate_refused(const AmqpOptions& options);

/// The same for a session that ended without a word: a broker that refuses us closes at once, and what it
/// said is lost when it finds something unread. Connects once more and listens for 2 s without sending
/// anything.
void throw_if_certificate_refused_on_listening(const AmqpOptions& options);

}  // namespace tilecompile
