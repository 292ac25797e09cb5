#pragma once
#include <map>
#include <string>

namespace tilecompile {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Sets level and format of the log on stderr. `json` writes one object a line: time, level, message, fields.
void configure_log(LogLevel level, bool json);

/// One log line with optional named fields (run_id, tile_id, frame, ...). Safe from any thread.
using LogFields = std::map<std::string, std::string>;
void log(LogLevel level, const std::string& message, const LogFields& fields = {});
inline void log_debug(const std::string& m, const LogFields& f = {}) { log(LogLevel::kDebug, m, f); }
inline void log_info(const std::string& m, const LogFields& f = {}) { log(LogLevel::kInfo, m, f); }
inline void log_warning(const std::string& m, const LogFields& f = {}) { log(LogLevel::kWarning, m, f); }
inline void log_error(const std::string& m, const LogFields& f = {}) { log(LogLevel::kError, m, f); }

}  // namespace tilecompile
