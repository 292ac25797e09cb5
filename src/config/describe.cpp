#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "key_table.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

std::string number_text(double value) {
  if (std::floor(value) == value && std::abs(value) < 1e15) {
    return std::to_string(static_cast<long long>(value));
  }
  return json(value).dump();
}

/// A scalar; a number that JSON cannot write is spelled as in YAML.
std::string scalar_text(const json& value) {
  if (value.is_string()) return quoted(value.get<std::string>());
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    if (std::isnan(value.get<double>())) return ".nan";
    return value.get<double>() < 0 ? "-.inf" : ".inf";
  }
  return value.dump();
}

std::string list_text(const json& list) {
  std::string text = "[";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i == 8) return text + ", ...]";
    text += (i == 0 ? "" : ", ") + (list[i].is_structured() ? "..." : scalar_text(list[i]));
  }
  return text + "]";
}

std::string allowed_text(TextRule rule) {
  switch (rule) {
    case TextRule::kAny:
      break;
    case TextRule::kNotEmpty:
      return "text that is not empty";
    case TextRule::kAnyPath:
    case TextRule::kPath:
      return "a path (~ and ~/... are your home folder, ~name is not known)";
    case TextRule::kRelativePath:
      return "a relative path without '..'";
    case TextRule::kFitsFile:
      return "a relative path without '..' that ends in .fit, .fits or .fts";
    case TextRule::kNamePattern:
      return "a pattern of file names without '/'";
    case TextRule::kFolderName:
      return "a name for a folder: at most 120 bytes without '/', not beginning with . or ~, not 'latest' "
             "and no "
             "UUID";
    case TextRule::kIdentifier:
      return "text of at most 64 letters, digits and . _ - : @";
  }
  return "text (in quotes if it looks like a number)";
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string shown = "'";
  for (const char c : text) {
    // Cut between characters, not inside a multi-byte one.
    if (shown.size() > 80 && (static_cast<unsigned char>(c) & 0xC0) != 0x80) return shown + "...'";
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return shown + "'";
}

std::string describe_value(const nlohmann::json& value) {
  if (value.is_null()) return "nothing";
  if (value.is_object()) return "a section of keys";
  if (value.is_array()) return "the list " + list_text(value);
  if (value.is_string()) return "the text " + scalar_text(value);
  return scalar_text(value);
}

std::string allowed_values(const Key& key) {
  const std::string range = number_text(key.low) + " to " + number_text(key.high);
  switch (key.type) {
    case KeyType::kBool:
      return "true or false";
    case KeyType::kInteger:
      return "an integer from " + range;
    case KeyType::kAutoInteger:
      return "auto or an integer from " + range;
    case KeyType::kNumber:
      return "a number from " + range;
    case KeyType::kText:
      return allowed_text(key.text_rule);
    case KeyType::kClamp:
      return "[low, high] with low < high, both from " + range;
    case KeyType::kWorkers:
      return "a list of {id: text, address: text, capacity: 0 to 4096}, each id once";
    case KeyType::kFixed:
      return (key.choices[0].is_array() ? "the list " + list_text(key.choices[0])
                                        : scalar_text(key.choices[0])) +
             (key.why.empty() ? "" : " (" + key.why + ")");
    case KeyType::kChoice:
      break;
  }
  std::string words;
  for (const json& word : key.choices) words += (words.empty() ? "" : ", ") + scalar_text(word);
  return (key.choices.size() > 1 ? "one of " : "") + words;
}

}  // namespace tilecompile
