#include <nlohmann/json.hpp>

#include "key_table.hpp"
#include "tilecompile/config/load_config.hpp"
#include "upstream_keys.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

/// Regular expression of a text rule in the dialect of JSON Schema (ECMA-262); empty: any text.
std::string text_pattern(TextRule rule) {
  switch (rule) {
    case TextRule::kAny:
      break;
    case TextRule::kAnyPath:
      return "^([^~]|~$|~/|$)";
    case TextRule::kPath:
      return "^([^~]|~$|~/)";
    case TextRule::kNotEmpty:
      return "^.+$";
    case TextRule::kRelativePath:
      return R"(^(?!/)(?!(.*/)?\.\.(/|$)).+$)";
    case TextRule::kFitsFile:
      return R"(^(?!/)(?!(.*/)?\.\.(/|$)).+\.(fit|fits|fts)$)";
    case TextRule::kNamePattern:
      return "^[^/]*$";
    case TextRule::kFolderName:
      return "^(?!latest$)(?![0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$)([^/.~][^/]{0,119})?$";
    case TextRule::kIdentifier:
      return "^[A-Za-z0-9._:@-]{0,64}$";
  }
  return "";
}

json number_schema(const Key& key) {
  return {{"type", "number"}, {"minimum", key.low}, {"maximum", key.high}};
}

json integer_schema(const Key& key) {
  return {{"type", "integer"},
          {"minimum", static_cast<long long>(key.low)},
          {"maximum", static_cast<long long>(key.high)}};
}

json text_schema(const Key& key) {
  json schema = {{"type", "string"}, {"maxLength", 4096}};
  const std::string pattern = text_pattern(key.text_rule);
  if (!pattern.empty()) schema["pattern"] = pattern;
  return schema;
}

json workers_schema() {
  const json fields = {
      {"id", {{"type", "string"}, {"minLength", 1}, {"pattern", text_pattern(TextRule::kIdentifier)}}},
      {"address", {{"type", "string"}, {"maxLength", 4096}}},
      {"capacity", {{"type", "integer"}, {"minimum", 0}, {"maximum", 4096}}}};
  const json item = {{"type", "object"},
                     {"properties", fields},
                     {"required", json::array({"id"})},
                     {"additionalProperties", false}};
  return {{"type", "array"}, {"items", item}};
}

json type_schema(const Key& key) {
  switch (key.type) {
    case KeyType::kBool:
      return {{"type", "boolean"}};
    case KeyType::kInteger:
      return integer_schema(key);
    case KeyType::kAutoInteger:
      return {{"anyOf", json::array({json{{"const", "auto"}}, integer_schema(key)})}};
    case KeyType::kNumber:
      return number_schema(key);
    case KeyType::kClamp:
      return {{"type", "array"}, {"items", number_schema(key)}, {"minItems", 2}, {"maxItems", 2}};
    case KeyType::kWorkers:
      return workers_schema();
    case KeyType::kFixed:
      return {{"const", key.choices[0]}};
    case KeyType::kChoice:
      return {{"enum", key.choices}};
    case KeyType::kText:
      break;
  }
  return text_schema(key);
}

/// Adds the sections of `path` that are not there yet and returns the `properties` the key goes to.
json& properties_of(json& root, const std::string& path) {
  json* node = &root;
  std::size_t begin = 0;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
    json& section = (*node)["properties"][path.substr(begin, dot - begin)];
    if (section.is_null()) {
      // null: a section whose keys are all commented out.
      section = {{"type", {"object", "null"}}, {"additionalProperties", false}};
      section["description"] = section_doc(path.substr(0, dot));
    }
    node = &section;
    begin = dot + 1;
  }
  return (*node)["properties"];
}

}  // namespace

json run_config_schema() {
  const Settings defaults;
  json root = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
               {"title", "tilecompile RUN.yaml"},
               {"description", "Configuration of a run of tilecompile; defaults are those of profile v2"},
               {"type", {"object", "null"}},
               {"additionalProperties", false}};
  for (const Key& key : key_table()) {
    if (!key.for_run) continue;
    json entry = type_schema(key);
    entry["description"] = key.doc;
    if (key.path != "profile") entry["default"] = key.read(defaults);  // it depends on the other keys
    properties_of(root, key.path)[key.path.substr(key.path.rfind('.') + 1)] = entry;
  }
  for (const std::string& path : upstream_keys()) {
    if (find_key(path, ConfigRole::kRun) != nullptr || is_section(path, ConfigRole::kRun)) continue;
    properties_of(root, path)[path.substr(path.rfind('.') + 1)] = {
        {"deprecated", true}, {"description", "Of newer tile_compile files; ignored"}};
  }
  return root;
}

}  // namespace tilecompile
