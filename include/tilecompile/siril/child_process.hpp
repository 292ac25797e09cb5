#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"

namespace tilecompile {

/// An outside program to be run once.
struct ChildCommand {
  std::filesystem::path program;         ///< the file itself
  std::vector<std::string> arguments;    ///< without the program's name
  std::vector<std::string> environment;  ///< "NAME=value": all that the program gets
  std::filesystem::path output;          ///< stdout and stderr are appended here
  double timeout_s = 0;                  ///< 0: no limit
  Observer* observer = &nobody();        ///< may end the program
};

/// Runs the program in a process group of its own and waits for its end; returns its exit code, or 128 + the
/// signal that ended it. Past the timeout, or when check_stop of the observer throws, the whole group is
/// killed; a program that is too slow is a TransientError, as is one that cannot be started. It never
/// outlives this process.
int run_child(const ChildCommand& command);

/// The file that a shell would run for `name`: the first executable one in PATH; empty when there is none.
std::filesystem::path find_program(const std::string& name);

}  // namespace tilecompile
