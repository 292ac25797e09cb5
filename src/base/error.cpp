#include "tilecompile/base/error.hpp"

namespace tilecompile {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kInput:
      return 4;
    case ErrorKind::kTransient:
      return 5;
    case ErrorKind::kContract:
      break;
  }
  return 70;
}

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kInput:
      return "input";
    case ErrorKind::kTransient:
      return "transient";
    case ErrorKind::kContract:
      break;
  }
  return "contract";
}

ErrorKind kind_from_name(const std::string& name) {
  if (name == "usage") return ErrorKind::kUsage;
  if (name == "input") return ErrorKind::kInput;
  if (name == "transient") return ErrorKind::kTransient;
  return ErrorKind::kContract;
}

}  // namespace tilecompile
