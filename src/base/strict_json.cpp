#include "tilecompile/base/strict_json.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kDeepest = 16;
constexpr std::size_t kMostPlanes = 4096;

// Refuses depth before the recursive destructor or dump could overflow the stack, and keys that appear twice,
// of which a parser would silently keep one.
class Guard {
 public:
  explicit Guard(const std::string& what) : what_(what) {}
  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    const bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (depth + (opens ? 1 : 0) > kDeepest)
      throw InputError(what_ + ": nested deeper than " + std::to_string(kDeepest) + " levels");
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second)
      throw InputError(what_ + ": field '" + parsed.get<std::string>() + "' appears twice");
    return true;
  }

 private:
  std::string what_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

json StrictObject::parse(std::string_view bytes, const std::string& what) {
  try {
    Guard guard(what);
    return json::parse(bytes, [&guard](int depth, json::parse_event_t event, json& parsed) {
      return guard(depth, event, parsed);
    });
  } catch (const json::exception& e) {
    throw InputError(what + " is not valid JSON: " + e.what());
  }
}

StrictObject::StrictObject(const json& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object.is_object()) throw InputError(what_ + " is not a JSON object");
}

void StrictObject::fail(const std::string& key, const std::string& why) const {
  throw InputError(what_ + ": field '" + key + "' " + why);
}

bool StrictObject::has(const std::string& key) const { return object_.contains(key); }

const json& StrictObject::get(const std::string& key) {
  asked_.insert(key);
  const auto found = object_.find(key);
  if (found == object_.end()) fail(key, "is missing");
  return *found;
}

std::string StrictObject::text(const std::string& key) {
  const json& value = get(key);
  if (!value.is_string()) fail(key, "is not a string");
  return value.get<std::string>();
}

std::string StrictObject::digest(const std::string& key) {
  std::string value = text(key);
  if (!is_sha256(value)) fail(key, "is not a SHA-256 in lower-case hex");
  return value;
}

std::string StrictObject::uuid(const std::string& key) {
  std::string value = text(key);
  if (!is_uuid(value)) fail(key, "is not a UUID in lower case");
  return value;
}

std::int64_t StrictObject::integer(const std::string& key, std::int64_t low, std::int64_t high) {
  const json& value = get(key);
  const bool fits =
      value.is_number_unsigned() ? value.get<std::uint64_t>() <= INT64_MAX : value.is_number_integer();
  if (!fits) fail(key, "is not an integer");
  const auto number = value.get<std::int64_t>();
  if (number < low || number > high) fail(key, "is out of range");
  return number;
}

double StrictObject::number(const std::string& key) {
  const json& value = get(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) fail(key, "is not a finite number");
  return value.get<double>();
}

double StrictObject::number_or_nan(const std::string& key) {
  return get(key).is_null() ? std::numeric_limits<double>::quiet_NaN() : number(key);
}

bool StrictObject::boolean(const std::string& key) {
  const json& value = get(key);
  if (!value.is_boolean()) fail(key, "is not true or false");
  return value.get<bool>();
}

std::vector<int> StrictObject::integers(const std::string& key, std::size_t low, std::size_t high,
                                        std::int64_t smallest, std::int64_t largest) {
  const json& list = get(key);
  if (!list.is_array() || list.size() < low || list.size() > high)
    fail(key, "is not a list of the right length");
  std::vector<int> numbers;
  for (const json& item : list) {
    const json holder{{key, item}};
    numbers.push_back(static_cast<int>(StrictObject(holder, what_).integer(key, smallest, largest)));
  }
  return numbers;
}

std::vector<std::string> StrictObject::texts(const std::string& key, std::size_t most) {
  const json& list = get(key);
  if (!list.is_array() || list.size() > most) fail(key, "is no list, or too long");
  std::vector<std::string> all;
  for (const json& one : list) {
    if (!one.is_string()) fail(key, "holds something else than text");
    all.push_back(one.get<std::string>());
  }
  return all;
}

std::vector<double> StrictObject::numbers(const std::string& key, std::size_t low, std::size_t high) {
  const json& list = get(key);
  if (!list.is_array() || list.size() < low || list.size() > high)
    fail(key, "is not a list of the right length");
  std::vector<double> numbers;
  for (const json& item : list) {
    if (!item.is_number() || !std::isfinite(item.get<double>()))
      fail(key, "holds something that is not a finite number");
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

std::vector<std::vector<double>> StrictObject::rows(const std::string& key, std::size_t columns) {
  const json& list = get(key);
  if (!list.is_array()) fail(key, "is not a list");
  std::vector<std::vector<double>> rows;
  for (const json& item : list) {
    const json holder{{key, item}};
    rows.push_back(StrictObject(holder, what_).numbers(key, columns, columns));
  }
  return rows;
}

std::vector<double> StrictObject::plane_numbers(const std::string& key) {
  return get(key).is_array() ? numbers(key, 2, kMostPlanes) : std::vector<double>{number(key)};
}

void StrictObject::done() const {
  for (const auto& [key, value] : object_.items())
    if (asked_.count(key) == 0) fail(key, "is unknown");
}

}  // namespace tilecompile
