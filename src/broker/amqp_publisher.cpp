#include "amqp_publisher.hpp"

#include <algorithm>

#include "amqp_content.hpp"
#include "amqp_topology.hpp"

namespace tilecompile {
namespace {

// When a broker falls silent, rabbitmq-c blocks in publish once the buffers of the socket are full, and never
// comes back. So we send no more than they hold before confirms come.
constexpr std::size_t kWindowBytes = 2u << 20;

std::string describe(const PublishOrder& order) {
  return "message " + order.message.message_id + " for queue '" + order.queue + "' at exchange '" +
         order.exchange + "'";
}

/// The exchange a refusal names: "NOT_FOUND - no exchange 'x' in vhost '/'", "ACCESS_REFUSED - access to
/// exchange 'x' in vhost '/' refused for user 'u'".
std::string named_exchange(const std::string& text) {
  const std::string mark = "exchange '";
  const std::size_t start = text.find(mark);
  if (start == std::string::npos) return "?";
  const std::size_t name = start + mark.size();
  const std::string exchange = text.substr(name, text.find('\'', name) - name);
  return exchange == "amq.default" ? "" : exchange;
}

std::exception_ptr refusal(int code, const std::string& what) {
  if (code == AMQP_NOT_FOUND) return std::make_exception_ptr(UnroutableError(what));
  if (code == AMQP_ACCESS_REFUSED) return std::make_exception_ptr(AccessRefused(what));
  if (code == AMQP_PRECONDITION_FAILED && what.find("user_id") != std::string::npos)
    return make_error(ErrorKind::kUsage, what + "; broker.user must be the user that this login has");
  return make_error(ErrorKind::kUsage, what);
}

bool is_encoding_error(int status) {
  return status == AMQP_STATUS_BAD_AMQP_DATA || status == AMQP_STATUS_TABLE_TOO_BIG ||
         status == AMQP_STATUS_INVALID_PARAMETER;
}

}  // namespace

void AmqpPublisher::detach() {
  ready_ = blocked_ = false;
  send_again();
}

void AmqpPublisher::attach(AmqpLink& link) {
  link.open_channel(kPublishChannel);
  amqp_confirm_select(link.state(), kPublishChannel);
  link.check_reply(kPublishChannel, "switch confirms on");
  ready_ = true;
}

void AmqpPublisher::send_again() {
  for (auto order = unconfirmed_.rbegin(); order != unconfirmed_.rend(); ++order) {
    order->second.returned = false;
    waiting_.push_front(std::move(order->second));
  }
  unconfirmed_.clear();
  unconfirmed_bytes_ = 0;
  last_number_ = 0;
}

void AmqpPublisher::pump(AmqpLink& link) {
  const std::size_t window = static_cast<std::size_t>(std::max(1, options_.publish_window));
  while (ready_ && !blocked_ && !waiting_.empty() && unconfirmed_.size() < window &&
         (unconfirmed_.empty() || unconfirmed_bytes_ < kWindowBytes)) {
    // Noted as unconfirmed before it is sent: if the link breaks now, the next one sends it again.
    const auto entry = unconfirmed_.emplace(++last_number_, std::move(waiting_.front())).first;
    waiting_.pop_front();
    PublishOrder& order = entry->second;
    unconfirmed_bytes_ += order.message.body.size();
    const EncodedProperties encoded(order.message, options_.user_id);
    const int status = amqp_basic_publish(
        link.state(), kPublishChannel, as_bytes(order.exchange), as_bytes(order.queue),
        /*mandatory=*/1, /*immediate=*/0, &encoded.properties, as_bytes(order.message.body));
    if (is_encoding_error(status)) {
      // Given up: a message that cannot be encoded would break every connection that tries it.
      order.confirmed.set_exception(make_error(
          ErrorKind::kUsage, describe(order) + " cannot be encoded: " + amqp_error_string2(status)));
      unconfirmed_.erase(entry);
    }
    link.check_status(status, "publish");
  }
}

void AmqpPublisher::on_confirm(std::uint64_t tag, bool multiple, bool accepted) {
  auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
  while (first != unconfirmed_.end() && first->first <= tag) {
    PublishOrder& order = first->second;
    if (!accepted) {
      order.confirmed.set_exception(std::make_exception_ptr(NotTakenError(
          "the broker did not take " + describe(order) +
          ": the queue is not available, or full, at its own limit or because a policy limits its length; "
          "see "
          "rabbitmqctl list_queues, list_policies and list_operator_policies, and take tight limits off our "
          "queues")));
    } else if (order.returned) {
      order.confirmed.set_exception(std::make_exception_ptr(UnroutableError(
          "no queue took " + describe(order) + " (" + order.reason + "): the queue is gone or not bound")));
    } else {
      order.confirmed.set_value();
    }
    unconfirmed_bytes_ -= order.message.body.size();
    first = unconfirmed_.erase(first);
    if (!multiple) break;
  }
}

void AmqpPublisher::on_return(const Message& message, const std::string& reason) {
  // Returns come in the order of publishing, so the oldest message of that id is meant.
  for (auto& [number, order] : unconfirmed_) {
    if (order.returned || order.message.message_id != message.message_id) continue;
    order.returned = true;
    order.reason = reason;
    return;
  }
}

void AmqpPublisher::on_channel_closed(AmqpLink& link, int code, const std::string& text) {
  const std::string exchange = named_exchange(text);
  const auto concerns = [&](const PublishOrder& order) { return order.exchange == exchange; };
  bool found = std::any_of(unconfirmed_.begin(), unconfirmed_.end(),
                           [&](const auto& entry) { return concerns(entry.second); });
  // The refusal may name no exchange of ours. Then the oldest message is given up: one of them closed the
  // channel and would close the next one too.
  for (auto entry = unconfirmed_.begin(); entry != unconfirmed_.end();) {
    PublishOrder& order = entry->second;
    if (found && !concerns(order)) {
      ++entry;
      continue;
    }
    const std::string what = "cannot publish " + describe(order) + ": " + text;
    order.confirmed.set_exception(refusal(code, what));
    entry = unconfirmed_.erase(entry);
    if (!found) break;
  }
  send_again();
  ready_ = false;
  amqp_channel_open_t open{};
  link.check_status(amqp_send_method(link.state(), kPublishChannel, AMQP_CHANNEL_OPEN_METHOD, &open),
                    "open a channel");
}

void AmqpPublisher::on_channel_open(AmqpLink& link) {
  amqp_confirm_select_t select{};
  link.check_status(amqp_send_method(link.state(), kPublishChannel, AMQP_CONFIRM_SELECT_METHOD, &select),
                    "switch confirms on");
}

void AmqpPublisher::fail_all(ErrorKind kind, const std::string& text) {
  send_again();
  for (PublishOrder& order : waiting_) {
    order.confirmed.set_exception(make_error(kind, "not published: " + describe(order) + ": " + text));
  }
  waiting_.clear();
}

}  // namespace tilecompile
