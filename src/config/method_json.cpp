#include <nlohmann/json.hpp>

#include "key_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {

const char* const kNumericsVersion = "4";

namespace {

using nlohmann::json;

// Far more than any method takes; keeps a hostile text from costing memory.
constexpr std::size_t kMaxMethodBytes = std::size_t{1} << 20;

json::json_pointer pointer(const std::string& path) {
  std::string text = "/";
  for (const char c : path) text += c == '.' ? '/' : c;
  return json::json_pointer(text);
}

json parse_object(const std::string& text) {
  if (text.size() > kMaxMethodBytes) throw InputError("method configuration is larger than 1 MiB");
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) throw InputError("method configuration is not a JSON object");
  return document;
}

void check_numerics(const json& document) {
  const auto found = document.find("numerics_version");
  if (found == document.end() || !found->is_string()) {
    throw InputError("method configuration has no numerics_version");
  }
  const auto version = found->get<std::string>();
  if (version != kNumericsVersion) {
    throw InputError("method configuration has numerics version " + quoted(version) +
                     ", this program computes with numerics version '" + kNumericsVersion +
                     "': the pixels would differ; run the same version of the program on master and workers");
  }
}

}  // namespace

std::string canonical_method_json(const MethodConfig& method) {
  Settings settings;
  settings.run.method = method;
  json document = {{"numerics_version", kNumericsVersion}};
  for (const Key& key : key_table()) {
    if (key.reaches_pixel) document[pointer(key.path)] = key.read(settings);
  }
  return document.dump();
}

MethodConfig parse_method_json(const std::string& text) {
  const json document = parse_object(text);
  check_numerics(document);
  Settings settings;
  for (const Key& key : key_table()) {
    if (!key.reaches_pixel) continue;
    if (!document.contains(pointer(key.path))) {
      throw InputError("method configuration lacks '" + key.path + "'");
    }
    json value = document[pointer(key.path)];
    if (const auto problem = check_value(key, value)) {
      throw InputError("method configuration: '" + key.path + "' " + *problem);
    }
    key.write(settings, value);
  }
  const auto conflicts = find_conflicts(settings.run);
  if (!conflicts.empty()) throw InputError("method configuration: " + conflicts.front().text);
  // Whatever else is odd (more keys, a key twice, blanks, 32 for 32.0) shows as different bytes.
  if (canonical_method_json(settings.run.method) != text) {
    throw InputError(
        "method configuration is not in canonical form: it holds unknown keys or was reformatted");
  }
  return settings.run.method;
}

json effective_config(const RunConfig& config) {
  Settings settings;
  settings.run = config;
  json document = json::object();
  for (const Key& key : key_table()) {
    if (key.for_run) document[pointer(key.path)] = key.read(settings);
  }
  return document;
}

}  // namespace tilecompile
