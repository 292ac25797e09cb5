#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/operate/health.hpp"

namespace tilecompile {

void set_up_health(CLI::App& app, const ChooseAction& choose) {
  struct Flags {
    std::string file;
    double max_age_s = 30;
  };
  const auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "observability.health_file of the worker")->required();
  app.add_option("--max-age", flags->max_age_s, "Seconds after which the broker counts as silent")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str();
  app.footer("Exit code 0: it consumes tasks and the broker answers; 5: not.");
  app.callback([flags, choose] {
    choose([flags] {
      const Health health = read_health(flags->file, flags->max_age_s);
      std::printf("%s\n", health.text.c_str());
      return health.healthy ? 0 : exit_code(ErrorKind::kTransient);
    });
  });
}

}  // namespace tilecompile
