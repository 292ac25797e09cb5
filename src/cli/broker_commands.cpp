#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command_table.hpp"
#include "run_flags.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/definitions.hpp"
#include "tilecompile/operate/join_file.hpp"
#include "tilecompile/operate/setup.hpp"
#include "tilecompile/operate/verify.hpp"

namespace tilecompile {
namespace {

int run_setup(const RunConfig& config) {
  for (const std::string& queue : set_up_broker(config)) std::printf("ready      %s\n", queue.c_str());
  return 0;
}

int print_definitions(const RunConfig& config, const std::string& password_dir) {
  if (password_dir.empty())
    log_warning("without --passwords DIR these users have no password and log in by certificate only");
  std::printf("%s\n", broker_definitions(config, password_dir).dump(2).c_str());
  return 0;
}

int print_join(const JoinRequest& request) {
  const nlohmann::json definitions = write_join_file(request);
  std::fprintf(
      stderr,
      "the way of %s is in %s (keep it secret): bring it to that host, and there: tilecompile worker %s\n"
      "its user is not on the broker yet: give what follows to 'rabbitmqctl import_definitions'\n",
      request.worker_id.c_str(), request.file.c_str(), request.file.filename().c_str());
  std::printf("%s\n", definitions.dump(2).c_str());
  return 0;
}

void print_check(const VerifyCheck& check) {
  std::printf("%-5s %-28s %s%s\n", check.ok ? "ok" : "FAIL", check.name.c_str(),
              escaped_lines(check.text).c_str(),
              check.remedy.empty() ? "" : (" -> " + escaped_lines(check.remedy)).c_str());
  std::fflush(stdout);
}

int run_verify(const RunRequest& request, double wait_s, bool as_json) {
  const VerifyReport report = verify_run(request, wait_s, [as_json](const VerifyCheck& check) {
    if (!as_json) print_check(check);
  });
  if (as_json) std::printf("%s\n", escaped_lines(verify_json(report).dump(2)).c_str());
  constexpr int kNotAllHold = 3;
  return report.ok() ? 0 : kNotAllHold;
}

}  // namespace

void set_up_verify(CLI::App& app, const ChooseAction& choose) {
  struct VerifyFlags : RunFlags {
    double wait_s = 30;
    bool as_json = false;
  };
  const auto flags = std::make_shared<VerifyFlags>();
  add_run_flags(app, *flags);
  app.add_option("--wait", flags->wait_s, "Longest time for the answers of the workers, s")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_flag("--json", flags->as_json, "For machines");
  app.footer("Exit code 0: all checks hold; 3: one does not.");
  app.callback([flags, choose] {
    choose([flags] { return run_verify(make_request(*flags), flags->wait_s, flags->as_json); });
  });
}

void set_up_setup(CLI::App& app, const ChooseAction& choose) {
  struct SetupFlags {
    std::string file, password_dir, join_file, worker, address;
    bool definitions = false;
    std::vector<std::string> overrides;
  };
  const auto flags = std::make_shared<SetupFlags>();
  app.add_option("config", flags->file, "RUN.yaml")->required();
  app.add_option("--set", flags->overrides, "key.path=value over the file; repeatable")->take_all();
  app.add_flag("--print-definitions", flags->definitions,
               "Declare nothing; write a definitions file that RabbitMQ imports, with a user for each role");
  app.add_option("--passwords", flags->password_dir,
                 "Folder of <role>.password for --print-definitions; missing ones are made at random");
  CLI::Option* join = app.add_option("--join-file", flags->join_file,
                                     "Write all that a worker on another host needs into this one file")
                          ->excludes("--print-definitions");
  CLI::Option* worker =
      app.add_option("--worker", flags->worker, "Name of the worker that --join-file is for (worker_id)")
          ->needs(join);
  join->needs(worker);
  app.add_option(
         "--address", flags->address,
         "Name or address of the broker as that worker reaches it; default: broker.host, or the name of "
         "this host")
      ->needs(join);
  app.callback([flags, choose] {
    choose([flags] {
      const RunConfig config = load_run_config(flags->file, flags->overrides);
      if (!flags->join_file.empty())
        return print_join({config, flags->join_file, flags->worker, flags->address});
      return flags->definitions ? print_definitions(config, flags->password_dir) : run_setup(config);
    });
  });
}

}  // namespace tilecompile
