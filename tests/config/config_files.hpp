#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {

/// A folder with one YAML file in it.
class YamlFile {
 public:
  explicit YamlFile(const std::string& text) : path_((dir_ / "c.yaml").string()) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  const std::string& path() const { return path_; }
  std::string dir() const { return dir_.path().string(); }

 private:
  TempDir dir_;
  std::string path_;
};

/// The error text of `act` without the file's folder; empty when nothing is thrown.
template <class E, class Act>
std::string error_text(Act act) {
  try {
    act();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

/// The message load_run_config refuses `yaml` with; the file is called F in it.
inline std::string run_error(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const YamlFile file(yaml);
  const std::string text = error_text<UsageError>([&] { load_run_config(file.path(), overrides); });
  std::string shown;
  std::size_t begin = 0;
  for (std::size_t at; (at = text.find(file.path(), begin)) != std::string::npos;) {
    shown.append(text, begin, at - begin).push_back('F');
    begin = at + file.path().size();
  }
  return shown.append(text, begin);
}

inline RunConfig run_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return load_run_config(YamlFile(yaml).path(), overrides);
}

/// Sets an environment variable for as long as the object lives.
class ScopedVariable {
 public:
  ScopedVariable(const std::string& name, const std::string& value) : name_(name) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~ScopedVariable() { unsetenv(name_.c_str()); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  std::string name_;
};

}  // namespace tilecompile
