#include "amqp_link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "amqp_tls.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;

// Never const where it is used: rabbitmq-c 0.10 takes no pointer to a const one.
timeval as_timeval(milliseconds time) {
  return {static_cast<time_t>(time.count() / 1000), static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

/// Opens the transport below AMQP; the one place that knows what kind of socket it is.
void open_socket(amqp_connection_state_t state, const AmqpOptions& options, milliseconds timeout) {
  timeval limit = as_timeval(timeout);
  int status = AMQP_STATUS_OK;
  if (options.tls.enabled) {
    status = open_tls_socket(state, options, limit);
  } else {
    amqp_socket_t* socket = amqp_tcp_socket_new(state);
    if (socket == nullptr) throw LinkDown("no memory for a socket", 0);
    status = amqp_socket_open_noblock(socket, options.host.c_str(), options.port, &limit);
  }
  // The library's reasons look alike here (refused, unreachable and reset are one), so only some help.
  if (status == AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED) throw LinkDown("the host name is not known", 0);
  if (status == AMQP_STATUS_TIMEOUT) throw LinkDown("it does not answer", 0);
  if (status != AMQP_STATUS_OK) throw LinkDown("the connection is refused or the host not reachable", 0);
}

amqp_table_entry_t capability(const char* name) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

[[noreturn]] void throw_refusal(const AmqpOptions& options, int code, const std::string& reason) {
  const std::string start = "the broker at " + broker_address(options) + " refused the login: ";
  const std::string who = "'" + options.user + "'", where = "'" + options.vhost + "'";
  if (code == AMQP_ACCESS_REFUSED && options.external_login) {
    throw UsageError(start +
                     "it takes no login by certificate (SASL EXTERNAL), or has no user of the name in " +
                     options.tls.cert_file + "; enable the plugin rabbitmq_auth_mechanism_ssl and the " +
                     "mechanism EXTERNAL, see ssl_cert_login_from, and add that user without a password");
  }
  if (code == AMQP_ACCESS_REFUSED) {
    throw UsageError(start + "user " + who + " and password do not match, or the user may not log in from " +
                     "this host; check broker.user and the password, or run: rabbitmqctl change_password " +
                     options.user);
  }
  if (contains(reason, "not found")) {
    throw UsageError(start + "virtual host " + where + " does not exist; check broker.vhost, or run: " +
                     "rabbitmqctl add_vhost " + options.vhost);
  }
  throw UsageError(start + "user " + who + " has no access to virtual host " + where + " (" + reason +
                   "); run: rabbitmqctl set_permissions -p " + options.vhost + " " + options.user +
                   " '.*' '.*' '.*'");
}

[[noreturn]] void throw_not_offered(const AmqpOptions& options) {
  const std::string start = "the broker at " + broker_address(options) + " refused the login: ";
  throw UsageError(start +
                   (options.external_login
                        ? "it offers none by certificate (SASL EXTERNAL): enable its plugin "
                          "rabbitmq_auth_mechanism_ssl and the mechanism EXTERNAL, or set broker.auth: "
                          "password"
                        : "it offers none by password (SASL PLAIN): set broker.auth: external, or allow "
                          "the mechanism PLAIN in its auth_mechanisms"));
}

}  // namespace

LinkDown link_closed(const amqp_connection_close_t& close) {
  return LinkDown("the broker closed the connection: " + std::to_string(close.reply_code) + " " +
                      as_string(close.reply_text),
                  close.reply_code);
}

AmqpLink::AmqpLink(const AmqpOptions& options, milliseconds timeout)
    : state_(amqp_new_connection()),
      patience_ms_(static_cast<unsigned>(std::max(5, 2 * options.heartbeat_s)) * 1000) {
  if (state_ == nullptr) throw LinkDown("no memory for a connection", 0);
  try {
    timeval limit = as_timeval(timeout);
    amqp_set_handshake_timeout(state_, &limit);
    timeval rpc_limit = as_timeval(milliseconds(20000));
    amqp_set_rpc_timeout(state_, &rpc_limit);
    open_socket(state_, options, timeout);
    let_it_not_read(false);
    login(options);
  } catch (...) {
    amqp_destroy_connection(state_);
    throw;
  }
}

AmqpLink::~AmqpLink() { amqp_destroy_connection(state_); }

void AmqpLink::login(const AmqpOptions& options) {
  // Capabilities the library does not ask for by itself: without them the broker does not tell us about
  // deleted queues and memory alarms, and closes the channel where it could refuse one message.
  amqp_table_entry_t capabilities[] = {capability("publisher_confirms"), capability("basic.nack"),
                                       capability("connection.blocked"),
                                       capability("consumer_cancel_notify")};
  amqp_table_entry_t properties[2]{};
  properties[0].key = amqp_cstring_bytes("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table = {4, capabilities};
  properties[1].key = amqp_cstring_bytes("connection_name");
  properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties[1].value.value.bytes = as_bytes(options.connection_name);
  const amqp_table_t table = {options.connection_name.empty() ? 1 : 2, properties};

  constexpr int kFrameBytes = 131072;
  // The broker takes the user of an EXTERNAL login from the certificate; the library wants some text.
  const amqp_rpc_reply_t reply =
      options.external_login
          ? amqp_login_with_properties(state_, options.vhost.c_str(), 0, kFrameBytes, options.heartbeat_s,
                                       &table, AMQP_SASL_METHOD_EXTERNAL, "certificate")
          : amqp_login_with_properties(state_, options.vhost.c_str(), 0, kFrameBytes, options.heartbeat_s,
                                       &table, AMQP_SASL_METHOD_PLAIN, options.user.c_str(),
                                       options.password.c_str());
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_connection_close_t*>(reply.reply.decoded);
    // 403: user or password; 530: the virtual host. Anything else (a broker going down) may pass.
    if (close->reply_code == AMQP_ACCESS_REFUSED || close->reply_code == AMQP_NOT_ALLOWED) {
      throw_refusal(options, close->reply_code, as_string(close->reply_text));
    }
    throw link_closed(*close);
  }
  const int error = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION ? reply.library_error : 0;
  if (options.tls.enabled) throw_if_certificate_refused(options);
  if (error == AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD) throw_not_offered(options);
  if (options.tls.enabled) throw_if_certificate_refused_on_listening(options);
  if (error == AMQP_STATUS_CONNECTION_CLOSED || error == AMQP_STATUS_SOCKET_ERROR) {
    throw LinkDown(std::string("it ended the connection before the login") +
                       (options.tls.enabled ? "" : "; if this port speaks TLS, set broker.tls: true"),
                   0);
  }
  throw LinkDown(std::string("the login failed: ") + amqp_error_string2(error), 0);
}

void AmqpLink::open_channel(amqp_channel_t channel) {
  amqp_channel_open(state_, channel);
  check_reply(channel, "open a channel");
}

void AmqpLink::check_reply(amqp_channel_t channel, const char* doing) {
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) {
    const int error = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION ? reply.library_error : 0;
    throw LinkDown(std::string("cannot ") + doing + ": " + amqp_error_string2(error),
                   error == AMQP_STATUS_TIMEOUT ? LinkDown::kNoReply : 0);
  }
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_channel_close_t*>(reply.reply.decoded);
    const std::uint32_t method = static_cast<std::uint32_t>(close->class_id) << 16 | close->method_id;
    const ChannelClosed error(as_string(close->reply_text), close->reply_code, method);
    confirm_channel_close(channel);
    throw error;
  }
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    throw link_closed(*static_cast<amqp_connection_close_t*>(reply.reply.decoded));
  }
  throw LinkDown(std::string("cannot ") + doing + ": unexpected answer", 0);
}

void AmqpLink::check_status(int status, const char* doing) const {
  if (status == AMQP_STATUS_OK) return;
  throw LinkDown(std::string("cannot ") + doing + ": " + amqp_error_string2(status), 0);
}

void AmqpLink::confirm_channel_close(amqp_channel_t channel) {
  amqp_channel_close_ok_t ok{};
  check_status(amqp_send_method(state_, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok), "close a channel");
}

void AmqpLink::wait(const AmqpLink* other, int wake_fd, milliseconds timeout) const {
  if (has_frames() || (other != nullptr && other->has_frames())) return;
  const int other_fd = other == nullptr ? -1 : amqp_get_sockfd(other->state_);  // poll skips a negative one
  pollfd sources[3] = {{amqp_get_sockfd(state_), POLLIN, 0}, {other_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
  poll(sources, 3, static_cast<int>(timeout.count()));
}

// Without a limit a write to a silent peer waits for the kernel's own patience, a quarter of an hour.
void AmqpLink::let_it_not_read(bool allowed) {
  const unsigned limit_ms = allowed ? 0 : patience_ms_;
  setsockopt(amqp_get_sockfd(state_), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
}

bool AmqpLink::next_frame(amqp_frame_t& frame) {
  // Only memory of frames already handled: callers keep no pointer into a frame across this call.
  amqp_maybe_release_buffers(state_);
  timeval now = {0, 0};
  const int status = amqp_simple_wait_frame_noblock(state_, &frame, &now);
  if (status == AMQP_STATUS_TIMEOUT) return false;
  check_status(status, "read from the broker");
  return true;
}

void AmqpLink::close() {
  timeval limit = as_timeval(milliseconds(3000));
  amqp_set_rpc_timeout(state_, &limit);
  amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
}

}  // namespace tilecompile
