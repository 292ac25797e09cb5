#pragma once
#include <string>
#include <utility>
#include <vector>

#include "key_table.hpp"

namespace tilecompile {

/// Smallest and largest number a key takes, both allowed.
struct Between {
  double low, high;
};
/// The same for a key that also takes "auto", which its field holds as 0.
struct AutoOrBetween {
  double low, high;
};
/// Words of a key with the field's value for each; a word is text, true or false.
template <class V>
using Choices = std::vector<std::pair<nlohmann::json, V>>;

/// Who reads a section, and whether it reaches a pixel.
struct Reach {
  bool run, worker, pixel;
};
inline constexpr Reach kMethod{true, false, true};
inline constexpr Reach kRunOnly{true, false, false};
inline constexpr Reach kWorkerOnly{false, true, false};
inline constexpr Reach kRunAndWorker{true, true, false};

/// Adds rows of one section, whose values lie in the struct T. A row is the key's name below the section, the
/// member it fills, what is allowed and one line of documentation; the type comes from the member.
template <class T>
class SectionRows {
 public:
  /// `access`: generic lambda from (const) Settings to the (const) struct.
  template <class Access>
  SectionRows(std::vector<Key>& table, std::string section, Reach reach, Access /*access*/)
      : table_(table),
        section_(std::move(section)),
        reach_(reach),
        read_([](const Settings& s) -> const T& { return Access{}(s); }),
        write_([](Settings& s) -> T& { return Access{}(s); }) {}

  void add(const std::string& name, bool T::*member, const std::string& doc) {
    field(row(name, KeyType::kBool, doc), member);
  }
  void add(const std::string& name, int T::*member, Between range, const std::string& doc) {
    field(limited(row(name, KeyType::kInteger, doc), range), member);
  }
  void add(const std::string& name, double T::*member, Between range, const std::string& doc) {
    field(limited(row(name, KeyType::kNumber, doc), range), member);
  }
  void add(const std::string& name, std::string T::*member, TextRule rule, const std::string& doc) {
    Key& key = row(name, KeyType::kText, doc);
    key.text_rule = rule;
    field(key, member);
  }
  void add(const std::string& name, int T::*member, AutoOrBetween range, const std::string& doc) {
    Key& key = limited(row(name, KeyType::kAutoInteger, doc), {range.low, range.high});
    key.read = [read = read_, member](const Settings& s) {
      const int value = read(s).*member;
      return value == 0 ? nlohmann::json("auto") : nlohmann::json(value);
    };
    key.write = [write = write_, member](Settings& s, const nlohmann::json& v) {
      write(s).*member = v.is_string() ? 0 : v.get<int>();
    };
  }
  void add(const std::string& name, Clamp T::*member, Between range, const std::string& doc) {
    Key& key = limited(row(name, KeyType::kClamp, doc), range);
    key.read = [read = read_, member](const Settings& s) {
      return nlohmann::json::array({(read(s).*member).low, (read(s).*member).high});
    };
    key.write = [write = write_, member](Settings& s, const nlohmann::json& v) {
      write(s).*member = Clamp{v[0].get<double>(), v[1].get<double>()};
    };
  }
  template <class V>
  void add_choice(const std::string& name, V T::*member, const Choices<V>& choices, const std::string& doc) {
    Key& key = row(name, KeyType::kChoice, doc);
    for (const auto& choice : choices) key.choices.push_back(choice.first);
    key.read = [read = read_, member, choices](const Settings& s) {
      for (const auto& [word, value] : choices) {
        if (value == read(s).*member) return word;
      }
      return nlohmann::json();
    };
    key.write = [write = write_, member, choices](Settings& s, const nlohmann::json& v) {
      for (const auto& [word, value] : choices) {
        if (word == v) write(s).*member = value;
      }
    };
  }
  /// A key with one allowed value and no field.
  void add_fixed(const std::string& name, const nlohmann::json& value, const std::string& doc,
                 const std::string& why = "") {
    Key& key = row(name, KeyType::kFixed, doc);
    key.choices.assign(1, value);
    key.why = why;
    key.read = [value](const Settings&) { return value; };
    key.write = [](Settings&, const nlohmann::json&) {};
  }

 private:
  Key& row(const std::string& name, KeyType type, const std::string& doc) {
    Key key;
    key.path = section_.empty() ? name : section_ + "." + name;
    key.doc = doc;
    key.type = type;
    key.for_run = reach_.run;
    key.for_worker = reach_.worker;
    key.reaches_pixel = reach_.pixel;
    table_.push_back(std::move(key));
    return table_.back();
  }
  static Key& limited(Key& key, Between range) {
    key.low = range.low;
    key.high = range.high;
    return key;
  }
  template <class V>
  void field(Key& key, V T::*member) {
    key.read = [read = read_, member](const Settings& s) { return nlohmann::json(read(s).*member); };
    key.write = [write = write_, member](Settings& s, const nlohmann::json& v) {
      write(s).*member = v.get<V>();
    };
  }

  std::vector<Key>& table_;
  std::string section_;
  Reach reach_;
  const T& (*read_)(const Settings&);
  T& (*write_)(Settings&);
};

/// Rows of the sections that reach a pixel.
void add_method_keys(std::vector<Key>& table);
/// The row of `profile`.
void add_profile_key(std::vector<Key>& table);
/// Rows of what only raw frames need: calibration, registration.
void add_raw_keys(std::vector<Key>& table);
/// Rows of the sections `storage` and `cache`.
void add_storage_keys(std::vector<Key>& table);
/// Rows of the other sections, those of the storage among them.
void add_service_keys(std::vector<Key>& table);

}  // namespace tilecompile
