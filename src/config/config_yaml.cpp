#include <nlohmann/json.hpp>

#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

// Scalars and lists as JSON writes them, which is YAML too; sections nested by indentation.
void write_section(const json& section, const std::string& indent, std::string& out) {
  for (const auto& [key, value] : section.items()) {
    out += indent + key + ":";
    if (value.is_object()) {
      out += "\n";
      write_section(value, indent + "  ", out);
    } else {
      out += " " + value.dump() + "\n";
    }
  }
}

}  // namespace

std::string config_yaml(const RunConfig& config) {
  std::string out = "# config_hash " + sha256_hex(canonical_method_json(config.method)) + "\n";
  write_section(effective_config(config), "", out);
  return out;
}

}  // namespace tilecompile
