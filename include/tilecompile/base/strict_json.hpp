#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tilecompile {

/// Reads the fields of one JSON object and refuses what is missing, of another type, out of range or never
/// asked for. Every error is an InputError that starts with `what` (for example "task").
class StrictObject {
 public:
  /// Parses `bytes`: UTF-8, at most 16 levels deep, no key twice.
  static nlohmann::json parse(std::string_view bytes, const std::string& what);

  StrictObject(const nlohmann::json& object, std::string what);
  bool has(const std::string& key) const;
  const nlohmann::json& get(const std::string& key);
  std::string text(const std::string& key);
  /// A SHA-256 in lower-case hex.
  std::string digest(const std::string& key);
  std::string uuid(const std::string& key);
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high);
  double number(const std::string& key);
  /// null stands for NaN.
  double number_or_nan(const std::string& key);
  bool boolean(const std::string& key);
  /// A list of `low`..`high` numbers in the integer range.
  std::vector<int> integers(const std::string& key, std::size_t low, std::size_t high, std::int64_t smallest,
                            std::int64_t largest);
  /// A list of `low`..`high` finite numbers.
  std::vector<double> numbers(const std::string& key, std::size_t low, std::size_t high);
  /// A list of lists of `columns` finite numbers each.
  std::vector<std::vector<double>> rows(const std::string& key, std::size_t columns);
  /// A list of at most `most` texts.
  std::vector<std::string> texts(const std::string& key, std::size_t most);
  /// A number for one plane, or a list of two and more.
  std::vector<double> plane_numbers(const std::string& key);
  /// Throws for a key that none of the calls above asked for.
  void done() const;
  [[noreturn]] void fail(const std::string& key, const std::string& why) const;

 private:
  const nlohmann::json& object_;
  std::string what_;
  std::set<std::string> asked_;
};

}  // namespace tilecompile
