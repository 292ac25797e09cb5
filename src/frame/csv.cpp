#include "tilecompile/frame/csv.hpp"

#include "tilecompile/base/escaped.hpp"

namespace tilecompile {

std::string csv_field(const std::string& value) {
  const std::string shown = escaped(value);
  if (shown.find_first_of(",\"") == std::string::npos) return shown;
  std::string quoted = "\"";
  for (const char c : shown) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace tilecompile
