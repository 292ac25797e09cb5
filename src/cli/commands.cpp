#include "tilecompile/cli/commands.hpp"

#include <CLI/CLI.hpp>

namespace tilecompile {

int run_command_line(int argc, char** argv) {
  CLI::App app("Tile-based quality reconstruction of many short exposures");
  app.set_version_flag("--version", "tilecompile " TILECOMPILE_VERSION);
  CLI11_PARSE(app, argc, argv);
  return 0;
}

}  // namespace tilecompile
