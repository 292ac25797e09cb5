#include "amqp_session.hpp"

#include "amqp_tls.hpp"
#include "amqp_topology.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// How long a quiet turn lasts: heartbeats are sent and their absence is seen between turns.
constexpr std::chrono::milliseconds kQuietTurn{100};
// Frames handled before callers get their turn again.
constexpr int kFramesPerTurn = 256;
// A request over which the broker falls silent or closes the whole connection that often is at fault itself.
constexpr int kMaxRefusals = 3;
// One attempt to open the link that publishes.
constexpr std::chrono::milliseconds kOpenWithin{5000};

std::string blocked_text(const std::string& reason) {
  return "takes no messages (" + (reason.empty() ? "it gives no reason" : reason) +
         "): free disk or memory on its host, or set its limits right; rabbitmq-diagnostics alarms tells "
         "which";
}

}  // namespace

AmqpSession::AmqpSession(const AmqpOptions& options, AmqpMailbox& mailbox)
    : options_(options),
      mailbox_(mailbox),
      publisher_(options_),
      consumers_(mailbox),
      assembler_(options.max_body_bytes) {}

void AmqpSession::attach(std::unique_ptr<AmqpLink> link) {
  link_ = std::move(link);
  link_->open_channel(kAdminChannel);
  const auto again = [](const auto& declare) {
    try {
      declare();
    } catch (const Error& error) {
      log_warning(std::string("after reconnecting: ") + error.what());
    }
  };
  for (const std::string& exchange : fanouts_) again([&] { declare_fanout_exchange(*link_, exchange); });
  for (const auto& [name, queue] : declared_) again([&, &spec = queue] { declare_queue(*link_, spec); });
  consumers_.attach();
}

void AmqpSession::detach() {
  link_.reset();
  publish_link_.reset();
  publisher_.detach();
  // What waits is sent again on the next connection, which tells whether the alarm lasts.
  if (!publisher_.has_work()) mailbox_.set_blocked("");
  settlements_.clear();  // their deliveries are queued again by the broker
  mailbox_.drop_deliveries();
  assembler_.clear();
}

void AmqpSession::collect_work() {
  AmqpMailbox::Work work = mailbox_.take_work();
  for (PublishOrder& order : work.publishes) publisher_.add(std::move(order));
  for (Request& request : work.requests) requests_.push_back(std::move(request));
  for (const Settlement& settlement : work.settlements) settlements_.push_back(settlement);
  closing_ = work.closing;
}

bool AmqpSession::turn() {
  collect_work();
  if (!settlements_.empty()) consumers_.settle(*link_, settlements_);
  settlements_.clear();
  run_requests();
  if (closing_) return false;
  publish();
  consumers_.restart_due(*link_, [this](const std::string& queue) {
    const auto spec = declared_.find(queue);
    if (spec != declared_.end()) declare_queue(*link_, spec->second);
  });
  link_->wait(publish_link_.get(), mailbox_.wake_fd(), kQuietTurn);
  read_frames(*link_);
  if (publish_link_) read_frames(*publish_link_);
  return true;
}

void AmqpSession::read_frames(AmqpLink& link) {
  amqp_frame_t frame;
  for (int i = 0; i < kFramesPerTurn && link.next_frame(frame); ++i) dispatch(link, frame);
}

void AmqpSession::publish() {
  if (!publisher_.has_work()) return;
  if (!publish_link_) open_publish_link();
  publisher_.pump(*publish_link_);
}

void AmqpSession::open_publish_link() {
  try {
    publish_link_ = std::make_unique<AmqpLink>(options_, kOpenWithin);
  } catch (const UsageError& refused) {
    // The other link was let in with the same words; a broker that starts may change its mind.
    if (++refused_logins_ >= kMaxRefusals) throw;
    throw LinkDown(refused.what(), 0);
  }
  refused_logins_ = 0;
  publisher_.attach(*publish_link_);
}

void AmqpSession::run_requests() {
  while (!requests_.empty()) {
    Request& request = requests_.front();
    try {
      request.action(*this);
      request.done.set_value();
    } catch (const LinkDown& down) {
      const bool refused = down.reply_code != 0 && down.reply_code != AMQP_CONNECTION_FORCED;
      if (!refused || ++request.refusals < kMaxRefusals) throw;  // tried again on the next connection
      const bool silent = down.reply_code == LinkDown::kNoReply;
      request.done.set_exception(make_error(silent ? ErrorKind::kTransient : ErrorKind::kUsage, down.what()));
      requests_.pop_front();
      throw;
    } catch (...) {
      request.done.set_exception(std::current_exception());
    }
    requests_.pop_front();
  }
}

void AmqpSession::close() {
  // A blocked broker does not read that we go; what it has not taken was not promised to anyone.
  if (publish_link_ && !publisher_.blocked()) publish_link_->close();
  if (link_) link_->close();
}

void AmqpSession::fail_all(ErrorKind kind, const std::string& text) {
  collect_work();
  for (Request& request : requests_) request.done.set_exception(make_error(kind, text));
  requests_.clear();
  publisher_.fail_all(kind, text);
}

void AmqpSession::declare(const QueueSpec& queue) {
  declare_queue(*link_, queue);
  declared_[queue.name] = queue;
}

void AmqpSession::declare_fanout(const std::string& exchange) {
  declare_fanout_exchange(*link_, exchange);
  fanouts_.insert(exchange);
}

void AmqpSession::remove(const std::string& name) {
  declared_.erase(name);
  delete_queue(*link_, name);
  consumers_.forget(name);
}

std::optional<QueueState> AmqpSession::inspect(const std::string& name) {
  return inspect_queue(*link_, name);
}

void AmqpSession::consume(const std::string& queue, int prefetch, bool exclusive) {
  consumers_.consume(*link_, queue, prefetch, exclusive);
}

void AmqpSession::cancel(const std::string& queue) { consumers_.cancel(*link_, queue); }

bool AmqpSession::consuming(const std::string& queue) {
  // A passive declare is answered by the broker itself, not by a heartbeat of its system.
  return inspect_queue(*link_, queue).has_value() && consumers_.active(queue);
}

void AmqpSession::dispatch(AmqpLink& link, const amqp_frame_t& frame) {
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    dispatch_method(link, frame.channel, frame.payload.method);
  } else if (frame.frame_type == AMQP_FRAME_HEADER || frame.frame_type == AMQP_FRAME_BODY) {
    if (auto content = assembler_.add(frame)) dispatch_content(frame.channel, std::move(*content));
  }
}

void AmqpSession::dispatch_method(AmqpLink& link, amqp_channel_t channel, const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto* deliver = static_cast<amqp_basic_deliver_t*>(method.decoded);
      Content content;
      content.delivery_tag = deliver->delivery_tag;
      content.redelivered = deliver->redelivered != 0;
      assembler_.begin(channel, std::move(content));
      break;
    }
    case AMQP_BASIC_RETURN_METHOD: {
      const auto* returned = static_cast<amqp_basic_return_t*>(method.decoded);
      Content content;
      content.returned = true;
      content.reason = std::to_string(returned->reply_code) + " " + as_string(returned->reply_text);
      assembler_.begin(channel, std::move(content));
      break;
    }
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<amqp_basic_ack_t*>(method.decoded);
      publisher_.on_confirm(ack->delivery_tag, ack->multiple != 0, true);
      if (!publisher_.blocked()) mailbox_.set_blocked("");  // the alarm of a lost connection is over
      break;
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<amqp_basic_nack_t*>(method.decoded);
      publisher_.on_confirm(nack->delivery_tag, nack->multiple != 0, false);
      break;
    }
    case AMQP_BASIC_CANCEL_METHOD:
      consumers_.on_cancelled(channel);
      break;
    case AMQP_CHANNEL_OPEN_OK_METHOD:  // of the publish channel; others are waited for where they are asked
      publisher_.on_channel_open(link);
      break;
    case AMQP_CONFIRM_SELECT_OK_METHOD:
      publisher_.on_confirming();
      break;
    case AMQP_CHANNEL_CLOSE_METHOD:
      on_channel_closed(link, channel, *static_cast<amqp_channel_close_t*>(method.decoded));
      break;
    case AMQP_CONNECTION_CLOSE_METHOD:
      throw link_closed(*static_cast<amqp_connection_close_t*>(method.decoded));
    case AMQP_CONNECTION_BLOCKED_METHOD:
      set_blocked(true, as_string(static_cast<amqp_connection_blocked_t*>(method.decoded)->reason));
      break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      set_blocked(false, "");
      break;
    default:
      log_debug("unexpected method from the broker: " + std::to_string(method.id));
  }
}

void AmqpSession::dispatch_content(amqp_channel_t channel, Content content) {
  if (content.returned) {
    publisher_.on_return(content.message, content.reason);
  } else {
    consumers_.on_delivery(*link_, channel, std::move(content));
  }
}

void AmqpSession::on_channel_closed(AmqpLink& link, amqp_channel_t channel,
                                    const amqp_channel_close_t& close) {
  const int code = close.reply_code;
  const std::string text = as_string(close.reply_text);
  link.confirm_channel_close(channel);
  assembler_.forget(channel);
  if (channel == kPublishChannel) {
    publisher_.on_channel_closed(link, code, text);
  } else if (channel == kAdminChannel) {
    link_->open_channel(kAdminChannel);
  } else {
    consumers_.on_channel_closed(channel, text);
  }
}

void AmqpSession::set_blocked(bool blocked, const std::string& reason) {
  if (blocked == publisher_.blocked()) return;
  publisher_.set_blocked(blocked);
  if (publish_link_) publish_link_->let_it_not_read(blocked);
  mailbox_.set_blocked(blocked ? blocked_text(reason) : "");
  if (blocked) {
    log_warning("the broker at " + broker_address(options_) + " " + mailbox_.blocked() +
                "; what is to be sent waits, and goes on by itself");
  } else {
    log_warning("the broker at " + broker_address(options_) + " takes messages again");
  }
}

}  // namespace tilecompile
