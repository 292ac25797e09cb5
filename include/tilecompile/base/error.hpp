#pragma once
#include <stdexcept>
#include <string>

namespace tilecompile {

/// The four kinds of failure, told apart by what the catcher must do.
enum class ErrorKind { kUsage, kInput, kTransient, kContract };

/// Base of everything this program throws on purpose. The text says what was being done, to what, what was
/// expected and found, and what to do next.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// A flag or a configuration key is wrong: the user corrects it. Exit code 2.
struct UsageError : Error {
  explicit UsageError(const std::string& text) : Error(ErrorKind::kUsage, text) {}
};
/// The data is wrong and stays wrong: no retry helps. Exit code 4.
struct InputError : Error {
  explicit InputError(const std::string& text) : Error(ErrorKind::kInput, text) {}
};
/// Transport or storage failed for now: a later attempt may succeed. Exit code 5.
struct TransientError : Error {
  explicit TransientError(const std::string& text) : Error(ErrorKind::kTransient, text) {}
};
/// An impossible state: a bug of ours. Exit code 70.
struct ContractError : Error {
  explicit ContractError(const std::string& text) : Error(ErrorKind::kContract, text) {}
};

/// Process exit code of an error kind.
int exit_code(ErrorKind kind);
/// "usage", "input", "transient", "contract": the word used in messages and logs.
const char* kind_name(ErrorKind kind);
/// Inverse of kind_name; an unknown word is `contract`.
ErrorKind kind_from_name(const std::string& name);

}  // namespace tilecompile
