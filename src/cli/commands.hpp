#pragma once

namespace tilecompile {

/// Parses the command line, runs the command and returns the process exit code. The only place but the
/// worker's task loop and the master's result loop that catches errors.
int run_command_line(int argc, char** argv);

}  // namespace tilecompile
