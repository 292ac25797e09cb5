#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

/// No queue took a mandatory message: the run or queue it was meant for is gone.
struct UnroutableError : TransientError {
  using TransientError::TransientError;
};

/// The broker refused a message for now (basic.nack): a queue is full or not available. Sent again it may be
/// taken; the connection is as good as before.
struct NotTakenError : TransientError {
  using TransientError::TransientError;
};

/// The broker's user lacks the permission for what was asked.
struct AccessRefused : UsageError {
  using UsageError::UsageError;
};

/// A message as the broker carries it. `body` is opaque here. Names, ids and header names are at most 255
/// bytes long, header values at most 64 KiB together.
struct Message {
  std::string body;
  std::string message_id;  ///< a random UUID is put in by publish when empty
  std::string correlation_id;
  std::string reply_to;                        ///< queue that wants the answer; empty when none
  std::map<std::string, std::string> headers;  ///< string-valued application headers
  int priority = -1;                           ///< 0 to 255; -1: none
  std::string content_type = "application/json";
};

/// Names a delivery for ack and reject. A tag from before a reconnect is stale: acking it is silently
/// nothing, because the broker has already queued the message again. So is acking twice.
struct DeliveryTag {
  std::uint64_t connection = 0;  ///< which opening of which channel; unique within a transport
  std::uint64_t tag = 0;
};

struct Delivery {
  Message message;
  std::string queue;
  DeliveryTag tag;
  bool redelivered = false;
  std::string sender{};  ///< the worker that it provably comes from; empty: unknown
  std::string user{};    ///< who published it, checked by the broker; empty: the message does not say
};

/// What may wait in a queue at most, for a broker's sake; 0 is no limit.
struct QueueBounds {
  std::int64_t messages = 0, bytes = 0;
  bool keep_newest = false;  ///< the oldest go; otherwise what is published beyond is refused (NotTakenError)
};

/// A durable queue and where it is bound.
struct QueueSpec {
  std::string name;
  std::string
      exchange;  ///< direct exchange it is bound to with its own name as key; empty: default exchange only
  std::int64_t expires_ms = 0;      ///< x-expires: deleted after that long without use; 0 never
  std::int64_t message_ttl_ms = 0;  ///< x-message-ttl; 0 none
  std::int64_t max_length = 0;      ///< x-max-length with drop-head; 0 none
  std::string dead_letter_queue;    ///< x-dead-letter-exchange "" with this routing key; empty none
  int max_priority = 0;             ///< x-max-priority; 0 none
  bool quorum = false;
  /// A queue that is there without them, from a program that knew none, is taken as it is, with a warning.
  QueueBounds bounds;
};

struct QueueState {
  std::uint64_t messages = 0;
  std::uint64_t consumers = 0;
};

/// One party's connection to a broker. The same contract holds for AMQP and in memory. All calls are safe
/// from any thread. A call made while the connection is down waits for the reconnect and throws
/// TransientError when reconnect_timeout_s ends first.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Declares exchange, queue and binding; repeating it with equal arguments is nothing (another `exchange`
  /// is one more binding). A queue declared here is declared again, as declared last, after a reconnect, and
  /// when it is deleted under a consumer of this transport. Throws UsageError when it exists with other
  /// arguments, AccessRefused when the user may not declare it.
  virtual void declare(const QueueSpec& queue) = 0;
  /// Declares a fan-out exchange, durable: what is published there goes to every queue that is bound to it,
  /// and is unroutable when none is. Repeating it is nothing; declared again after a reconnect.
  virtual void declare_fanout(const std::string& exchange) = 0;
  /// Removes a queue with what is in it and ends this transport's consumer of it; a missing one is not an
  /// error.
  virtual void remove_queue(const std::string& name) = 0;
  /// Messages ready and consumers of a queue; nullopt when it does not exist.
  virtual std::optional<QueueState> inspect(const std::string& name) = 0;

  /// Starts consuming `queue` with manual acknowledgement, at most `prefetch` (1 to 65535) unacknowledged.
  /// `exclusive` refuses a second consumer (UsageError for the later one). Throws UsageError for a missing
  /// queue, ContractError when this transport consumes it already.
  virtual void consume(const std::string& queue, int prefetch, bool exclusive = false) = 0;
  /// Stops consuming; deliveries not yet received are handed back, received ones can still be acknowledged.
  /// A queue that is not consumed is not an error.
  virtual void cancel(const std::string& queue) = 0;
  /// Asks the broker for a sign of life and tells whether it delivers from `queue` to this transport now:
  /// false while a lost consumer is being started again.
  virtual bool consuming(const std::string& queue) = 0;
  /// The next delivery of any consumed queue, or nullopt after `timeout`. Throws TransientError once the
  /// transport is closed (a waiting call wakes at once) and the connection's error when that cannot come back
  /// (access refused).
  virtual std::optional<Delivery> receive(std::chrono::milliseconds timeout) = 0;

  /// Publishes persistently and mandatorily to `exchange` (may be empty) with routing key `queue`. The future
  /// is ready when the broker has confirmed; it throws UnroutableError when no queue or exchange took it,
  /// AccessRefused when the user may not publish there, NotTakenError when the broker refused it for now, and
  /// TransientError when the transport was closed first. Unconfirmed messages are published again after a
  /// reconnect (a duplicate, never a loss). The call does not wait: bound the number of open futures. Throws
  /// UsageError when the message breaks the limits of Message or is larger than the transport carries.
  virtual std::future<void> publish(const std::string& exchange, const std::string& queue,
                                    Message message) = 0;

  /// Acknowledges. Wait for the future of a result before acknowledging its task: publishes still open may
  /// be overtaken.
  virtual void ack(const DeliveryTag& tag) = 0;
  /// Hands a delivery back (`requeue`) or drops it to the queue's dead-letter target.
  virtual void reject(const DeliveryTag& tag, bool requeue) = 0;

  /// True while the connection is up.
  virtual bool connected() const = 0;
  /// Why the broker takes no messages for now (an alarm: it is short of disk or memory), with what to do;
  /// empty when it does. Known only after a publish under the alarm. All other calls go on meanwhile.
  virtual std::string blocked() const { return ""; }
  /// Waits until what was asked for (acks) is sent, then closes. Later calls throw TransientError.
  virtual void close() = 0;
};

/// How the connection is encrypted and who vouches for the other side. Files are PEM.
struct TlsOptions {
  bool enabled = false;             ///< TLS 1.2 or newer
  bool verify = true;               ///< the broker's certificate: authority, dates, and host name or address
  std::string ca_file;              ///< authorities to trust; empty: those of the system
  std::string cert_file, key_file;  ///< our own certificate; empty: none
};

/// How to reach a RabbitMQ broker.
struct AmqpOptions {
  std::string host = "127.0.0.1";
  int port = 5672;
  std::string vhost = "/";
  std::string user = "guest";
  std::string password;  ///< never logged
  TlsOptions tls;
  std::string user_id;           ///< of every message published: must be the login's user; empty: none
  bool external_login = false;   ///< SASL EXTERNAL: the certificate names the user, `user` is ignored
  bool allow_plaintext = false;  ///< without TLS to another host than this one
  std::string connection_name;   ///< shown by the broker's management pages
  int heartbeat_s = 10;
  double connect_timeout_s = 10;  ///< for the first connection, retried with back-off until then
  double reconnect_timeout_s =
      300;                  ///< a later outage longer than this ends the transport with TransientError
  int publish_window = 64;  ///< most messages published and not yet confirmed
  /// True once the program is to stop: a broker that is away is not waited for then. Empty: never.
  std::function<bool()> stopping;
  /// Largest body to carry. A larger delivery is skipped unbuffered and rejected to the dead-letter target.
  std::size_t max_body_bytes = 16u << 20;
};

/// Connects; throws TransientError when the broker is not reachable within connect_timeout_s, UsageError when
/// it refuses user, password, certificate or vhost, when its own certificate is not to be trusted, and when
/// the connection would leave this host in plain text without `allow_plaintext`. One I/O thread of its own
/// holds the connections and their heartbeats: one that publishes, opened by the first publish, and one for
/// all else, which a broker under an alarm goes on to serve.
std::unique_ptr<Transport> connect_amqp(const AmqpOptions& options);

/// An in-process broker; each transport made from it is one party.
class MemoryBroker {
 public:
  MemoryBroker();
  ~MemoryBroker();
  std::unique_ptr<Transport> connect();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tilecompile
