#include "tilecompile/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"

namespace tilecompile {
namespace {

std::atomic<bool> json_lines{false};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto created =
        std::make_shared<spdlog::logger>("tilecompile", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    created->flush_on(spdlog::level::debug);
    return created;
  }();
  return *instance;
}

spdlog::level::level_enum native(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void configure_log(LogLevel level, bool json) {
  logger().set_level(native(level));
  json_lines = json;
  // In JSON mode the message is a whole object without its opening brace: the pattern adds time and level.
  logger().set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e","level":"%l",%v)"
                            : "%Y-%m-%dT%H:%M:%S.%e %l %v");
}

void log(LogLevel level, const std::string& message, const LogFields& fields) {
  if (!logger().should_log(native(level))) return;
  if (json_lines) {
    nlohmann::json record(fields);
    record["message"] = message;
    const std::string text = escaped(record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    logger().log(native(level), "{}", text.substr(1));
    return;
  }
  std::string text = escaped_lines(message);
  for (const auto& [name, value] : fields) text += "  " + name + "=" + escaped(value);
  logger().log(native(level), "{}", text);
}

}  // namespace tilecompile
