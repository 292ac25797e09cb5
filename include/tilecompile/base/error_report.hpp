#pragma once
#include <exception>
#include <string>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

/// What an exception means to the user: its kind decides the exit code.
struct ErrorReport {
  ErrorKind kind;
  std::string text;
};

/// Our own errors speak for themselves. Memory, and what the operating system refuses, are `transient`: they
/// may be there the next time. Everything else that the standard library throws is a bug of ours.
ErrorReport report_of(const std::exception& exception);

}  // namespace tilecompile
