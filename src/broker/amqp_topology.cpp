#include "amqp_topology.hpp"

#include <mutex>
#include <set>
#include <vector>

#include "tilecompile/base/log.hpp"
#include "tilecompile/broker/queue_arguments.hpp"

namespace tilecompile {
namespace {

constexpr amqp_boolean_t kDurable = 1;

amqp_table_entry_t number(const char* name, std::int64_t value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
  return entry;
}

amqp_table_entry_t text(const char* name, const std::string& value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = as_bytes(value);
  return entry;
}

/// Entries that point into `arguments`.
std::vector<amqp_table_entry_t> table_entries(
    const std::map<std::string, std::variant<std::int64_t, std::string>>& arguments) {
  std::vector<amqp_table_entry_t> entries;
  for (const auto& [name, value] : arguments) {
    if (const auto* figure = std::get_if<std::int64_t>(&value)) {
      entries.push_back(number(name.c_str(), *figure));
    } else {
      entries.push_back(text(name.c_str(), std::get<std::string>(value)));
    }
  }
  return entries;
}

[[noreturn]] void throw_refused(const std::string& doing, const ChannelClosed& closed) {
  const std::string found = doing + ": " + closed.what();
  if (closed.reply_code == AMQP_NOT_FOUND) {
    throw TransientError(found + "; the broker node that holds it is down, try again when it is back");
  }
  if (closed.reply_code == AMQP_ACCESS_REFUSED) {
    throw AccessRefused(found + "; grant it with: rabbitmqctl set_permissions");
  }
  throw UsageError(found + "; use the same settings as before, or delete it first: rabbitmqctl delete_queue");
}

/// Runs one step on the admin channel; when the broker closes that, opens it again before passing on why.
template <class Step>
void on_admin_channel(AmqpLink& link, const char* doing, Step step) {
  step();
  try {
    link.check_reply(kAdminChannel, doing);
  } catch (const ChannelClosed&) {
    link.open_channel(kAdminChannel);
    throw;
  }
}

void declare_exchange(AmqpLink& link, const std::string& name, const char* type) {
  on_admin_channel(link, "declare an exchange", [&] {
    amqp_exchange_declare(link.state(), kAdminChannel, as_bytes(name), amqp_cstring_bytes(type), 0, kDurable,
                          0, 0, amqp_empty_table);
  });
}

void declare_with(AmqpLink& link, const std::string& name,
                  const std::map<std::string, std::variant<std::int64_t, std::string>>& arguments) {
  std::vector<amqp_table_entry_t> entries = table_entries(arguments);
  const amqp_table_t table = {static_cast<int>(entries.size()), entries.data()};
  on_admin_channel(link, "declare a queue", [&] {
    amqp_queue_declare(link.state(), kAdminChannel, as_bytes(name), 0, kDurable, 0, 0, table);
  });
}

// Arguments of a queue cannot be changed. One that an earlier program declared is as good, but for its
// limits.
bool declare_as_before(AmqpLink& link, const QueueSpec& queue) {
  if (unbounded_arguments(queue) == queue_arguments(queue)) return false;
  try {
    declare_with(link, queue.name, unbounded_arguments(queue));
    return true;
  } catch (const ChannelClosed&) {
    return false;
  }
}

void warn_of_old_queue(const std::string& name) {
  static std::mutex mutex;
  static std::set<std::string> told;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!told.insert(name).second) return;
  log_warning("queue '" + name +
              "' was declared by an earlier program, without limits and priorities: it works, but a flood of "
              "messages is not kept from it, and parallel.priority is not heeded. Set the limits by a policy "
              "(docs/operating.md, Limits of queues), or delete the "
              "queue while it is empty: rabbitmqctl delete_queue " +
              name);
}

}  // namespace

void declare_fanout_exchange(AmqpLink& link, const std::string& name) {
  try {
    declare_exchange(link, name, "fanout");
  } catch (const ChannelClosed& closed) {
    throw_refused("cannot declare exchange '" + name + "'", closed);
  }
}

void declare_queue(AmqpLink& link, const QueueSpec& queue) {
  try {
    if (!queue.exchange.empty()) declare_exchange(link, queue.exchange, "direct");
    try {
      declare_with(link, queue.name, queue_arguments(queue));
    } catch (const ChannelClosed& closed) {
      if (closed.reply_code != AMQP_PRECONDITION_FAILED || !declare_as_before(link, queue)) throw;
      warn_of_old_queue(queue.name);
    }
    if (!queue.exchange.empty()) {
      on_admin_channel(link, "bind a queue", [&] {
        amqp_queue_bind(link.state(), kAdminChannel, as_bytes(queue.name), as_bytes(queue.exchange),
                        as_bytes(queue.name), amqp_empty_table);
      });
    }
  } catch (const ChannelClosed& closed) {
    throw_refused("cannot declare queue '" + queue.name + "'", closed);
  }
}

void delete_queue(AmqpLink& link, const std::string& name) {
  try {
    on_admin_channel(link, "remove a queue",
                     [&] { amqp_queue_delete(link.state(), kAdminChannel, as_bytes(name), 0, 0); });
  } catch (const ChannelClosed& closed) {
    if (closed.reply_code != AMQP_NOT_FOUND) throw_refused("cannot remove queue '" + name + "'", closed);
  }
}

std::optional<QueueState> inspect_queue(AmqpLink& link, const std::string& name) {
  const amqp_queue_declare_ok_t* found = nullptr;
  try {
    on_admin_channel(link, "inspect a queue", [&] {
      found = amqp_queue_declare(link.state(), kAdminChannel, as_bytes(name), 1, 0, 0, 0, amqp_empty_table);
    });
  } catch (const ChannelClosed& closed) {
    if (closed.reply_code == AMQP_NOT_FOUND) return std::nullopt;
    throw_refused("cannot inspect queue '" + name + "'", closed);
  }
  return QueueState{found->message_count, found->consumer_count};
}

}  // namespace tilecompile
