#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "key_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 4096;

bool within(const Key& key, double value) { return value >= key.low && value <= key.high; }

/// A finite number inside the row's limits, as a double without the sign of zero: -0 and 0 are one
/// configuration and must have one hash.
bool take_number(const Key& key, json& value) {
  if (!value.is_number()) return false;
  const double number = value.get<double>();
  if (!std::isfinite(number) || !within(key, number)) return false;
  value = number + 0.0;
  return true;
}

bool take_integer(const Key& key, json& value) {
  if (!take_number(key, value)) return false;
  const double number = value.get<double>();
  if (std::floor(number) != number) return false;
  value = static_cast<int>(number);
  return true;
}

bool take_clamp(const Key& key, json& value) {
  return value.is_array() && value.size() == 2 && take_number(key, value[0]) && take_number(key, value[1]) &&
         value[0].get<double>() < value[1].get<double>();
}

bool ends_in(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool stays_below(const std::string& path) {
  if (path.empty() || path.front() == '/') return false;
  return ("/" + path + "/").find("/../") == std::string::npos;
}

// Names of runs' folders; a run id and `latest` mean something else there.
bool is_folder_name(const std::string& text) {
  if (text.empty()) return true;
  return text.size() <= 120 && text.front() != '.' && text.front() != '~' &&
         text.find('/') == std::string::npos && text != "latest" && !is_uuid(text);
}

bool is_identifier(const std::string& text) {
  return text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-' || c == ':' || c == '@';
         });
}

bool is_worker(const json& value) {
  constexpr int kMostSlots = 4096;
  if (!value.is_object() || !value.contains("id")) return false;
  for (const auto& [name, field] : value.items()) {
    if (name == "id") {
      if (!field.is_string() || field.get_ref<const std::string&>().empty() ||
          !is_identifier(field.get_ref<const std::string&>()))
        return false;
    } else if (name == "address") {
      if (!field.is_string() || field.get_ref<const std::string&>().size() > kMaxText) return false;
    } else if (name == "capacity") {
      if (!field.is_number_integer() || field < 0 || field > kMostSlots) return false;
    } else {
      return false;
    }
  }
  return true;
}

bool take_workers(const json& value) {
  if (!value.is_array()) return false;
  std::set<std::string> ids;
  return std::all_of(value.begin(), value.end(), [&](const json& worker) {
    return is_worker(worker) && ids.insert(worker["id"].get<std::string>()).second;
  });
}

/// "~" and "~/..." become the home folder; false where there is none, or for another user's.
bool expand_home(std::string& path) {
  if (path.empty() || path.front() != '~') return true;
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0' || (path.size() > 1 && path[1] != '/')) return false;
  path.replace(0, 1, home);
  return true;
}

bool take_text(const Key& key, json& value) {
  if (!value.is_string()) return false;
  auto& text = value.get_ref<std::string&>();
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text.size() > kMaxText || std::any_of(text.begin(), text.end(), control)) return false;
  switch (key.text_rule) {
    case TextRule::kAny:
      return true;
    case TextRule::kNotEmpty:
      return !text.empty();
    case TextRule::kAnyPath:
      return expand_home(text);
    case TextRule::kPath:
      return !text.empty() && expand_home(text);
    case TextRule::kRelativePath:
      return stays_below(text);
    case TextRule::kFitsFile:
      return stays_below(text) && (ends_in(text, ".fit") || ends_in(text, ".fits") || ends_in(text, ".fts"));
    case TextRule::kNamePattern:
      return text.find('/') == std::string::npos;
    case TextRule::kFolderName:
      return is_folder_name(text);
    case TextRule::kIdentifier:
      return is_identifier(text);
  }
  return false;
}

bool take(const Key& key, json& value) {
  switch (key.type) {
    case KeyType::kBool:
      return value.is_boolean();
    case KeyType::kInteger:
      return take_integer(key, value);
    case KeyType::kAutoInteger:
      return value == "auto" || take_integer(key, value);
    case KeyType::kNumber:
      return take_number(key, value);
    case KeyType::kText:
      return take_text(key, value);
    case KeyType::kClamp:
      return take_clamp(key, value);
    case KeyType::kWorkers:
      return take_workers(value);
    case KeyType::kChoice:
    case KeyType::kFixed:
      return std::find(key.choices.begin(), key.choices.end(), value) != key.choices.end();
  }
  return false;
}

}  // namespace

std::optional<std::string> check_value(const Key& key, nlohmann::json& value) {
  const json found = value;
  if (take(key, value)) return std::nullopt;
  return "must be " + allowed_values(key) + ", found " + describe_value(found);
}

std::string checked_text(const std::string& key, const std::string& flag, const std::string& text) {
  nlohmann::json value = text;
  if (const auto problem = check_value(*find_key(key, ConfigRole::kRun), value))
    throw UsageError(flag + " " + *problem);
  return value.get<std::string>();
}

}  // namespace tilecompile
