#include "amqp_content.hpp"

namespace tilecompile {
namespace {

constexpr std::uint8_t kPersistent = 2;

void set_text(const std::string& text, amqp_flags_t flag, amqp_bytes_t& field, amqp_flags_t& flags) {
  if (text.empty()) return;
  field = as_bytes(text);
  flags |= flag;
}

std::string get_text(const amqp_basic_properties_t& properties, amqp_flags_t flag,
                     const amqp_bytes_t& field) {
  return (properties._flags & flag) != 0 ? as_string(field) : std::string();
}

std::optional<std::string> header_text(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
      return as_string(value.value.bytes);
    case AMQP_FIELD_KIND_BOOLEAN:
      return value.value.boolean ? "true" : "false";
    case AMQP_FIELD_KIND_I8:
      return std::to_string(value.value.i8);
    case AMQP_FIELD_KIND_U8:
      return std::to_string(value.value.u8);
    case AMQP_FIELD_KIND_I16:
      return std::to_string(value.value.i16);
    case AMQP_FIELD_KIND_U16:
      return std::to_string(value.value.u16);
    case AMQP_FIELD_KIND_I32:
      return std::to_string(value.value.i32);
    case AMQP_FIELD_KIND_U32:
      return std::to_string(value.value.u32);
    case AMQP_FIELD_KIND_I64:
      return std::to_string(value.value.i64);
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
      return std::to_string(value.value.u64);
    default:
      return std::nullopt;
  }
}

}  // namespace

EncodedProperties::EncodedProperties(const Message& message, const std::string& user_id) {
  amqp_flags_t flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = kPersistent;
  set_text(message.content_type, AMQP_BASIC_CONTENT_TYPE_FLAG, properties.content_type, flags);
  set_text(message.message_id, AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id, flags);
  set_text(message.correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlation_id, flags);
  set_text(message.reply_to, AMQP_BASIC_REPLY_TO_FLAG, properties.reply_to, flags);
  set_text(user_id, AMQP_BASIC_USER_ID_FLAG, properties.user_id, flags);
  if (message.priority >= 0) {
    properties.priority = static_cast<std::uint8_t>(message.priority);
    flags |= AMQP_BASIC_PRIORITY_FLAG;
  }
  for (const auto& [name, value] : message.headers) {
    amqp_table_entry_t entry{};
    entry.key = as_bytes(name);
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = as_bytes(value);
    headers.push_back(entry);
  }
  if (!headers.empty()) {
    properties.headers = {static_cast<int>(headers.size()), headers.data()};
    flags |= AMQP_BASIC_HEADERS_FLAG;
  }
  properties._flags = flags;
}

void decode_properties(const amqp_basic_properties_t& properties, Message& message) {
  message.content_type = get_text(properties, AMQP_BASIC_CONTENT_TYPE_FLAG, properties.content_type);
  message.message_id = get_text(properties, AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id);
  message.correlation_id = get_text(properties, AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlation_id);
  message.reply_to = get_text(properties, AMQP_BASIC_REPLY_TO_FLAG, properties.reply_to);
  message.priority = (properties._flags & AMQP_BASIC_PRIORITY_FLAG) != 0 ? properties.priority : -1;
  if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) == 0) return;
  for (int i = 0; i < properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = properties.headers.entries[i];
    if (auto text = header_text(entry.value)) message.headers[as_string(entry.key)] = std::move(*text);
  }
}

void ContentAssembler::begin(amqp_channel_t channel, Content content) {
  open_[channel] = {std::move(content), 0, false};
}

std::optional<Content> ContentAssembler::add(const amqp_frame_t& frame) {
  const auto found = open_.find(frame.channel);
  if (found == open_.end()) return std::nullopt;  // of a channel given up meanwhile
  Open& open = found->second;
  Content& content = open.content;
  if (frame.frame_type == AMQP_FRAME_HEADER) {
    open.has_header = true;
    content.body_bytes = frame.payload.properties.body_size;
    const auto& properties = *static_cast<amqp_basic_properties_t*>(frame.payload.properties.decoded);
    decode_properties(properties, content.message);
    content.user = get_text(properties, AMQP_BASIC_USER_ID_FLAG, properties.user_id);
    // Nobody reads the body of a return, and one too large must not be taken into memory at all.
    content.skipped = content.returned || content.body_bytes > max_body_bytes_;
    if (!content.skipped) content.message.body.reserve(content.body_bytes);
  } else if (frame.frame_type == AMQP_FRAME_BODY) {
    const amqp_bytes_t& part = frame.payload.body_fragment;
    open.received += part.len;
    if (!content.skipped) content.message.body.append(static_cast<const char*>(part.bytes), part.len);
  }
  if (!open.has_header || open.received < content.body_bytes) return std::nullopt;
  Content complete = std::move(content);
  open_.erase(found);
  return complete;
}

}  // namespace tilecompile
