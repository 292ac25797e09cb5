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

struct SetupFlags {
  std::string file, password_dir;
  JoinRequest join;
  bool definitions = false;
  std::vector<std::string> overrides;
};

int write_join(const RunConfig& config, const SetupFlags& flags) {
  JoinRequest request = flags.join;
  request.run_file = flags.file;
  if (request.secrets_dir.empty())
    request.secrets_dir = request.run_file.parent_path() / "tilecompile-secrets";
  const JoinSteps steps = write_join_file(config, request);
  if (!steps.run_section.empty())
    std::printf("once       put the section of %s into %s, in place of its section broker\n",
                steps.run_section.c_str(), flags.file.c_str());
  if (!steps.broker_conf.empty())
    std::printf(
        "once       put the lines of %s into /etc/rabbitmq/rabbitmq.conf, let the user rabbitmq read the\n"
        "           files that it names, and restart the broker\n",
        steps.broker_conf.c_str());
  std::printf(
      "now        rabbitmqctl import_definitions %s\n"
      "then       bring %s to %s over a safe way, and there: tilecompile worker %s\n",
      steps.definitions.c_str(), request.join_file.c_str(), request.worker.c_str(),
      request.join_file.filename().c_str());
  return 0;
}

int print_definitions(const RunConfig& config, const std::string& password_dir) {
  if (password_dir.empty())
    log_warning("without --passwords DIR these users have no password and log in by certificate only");
  std::printf("%s\n", broker_definitions(config, password_dir).dump(2).c_str());
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
  const auto flags = std::make_shared<SetupFlags>();
  app.add_option("config", flags->file, "RUN.yaml")->required();
  app.add_option("--set", flags->overrides, "key.path=value over the file; repeatable")->take_all();
  app.add_flag("--print-definitions", flags->definitions,
               "Declare nothing; write a definitions file that RabbitMQ imports, with a user for each role");
  app.add_option("--passwords", flags->password_dir,
                 "Folder of <role>.password for --print-definitions; missing ones are made at random");
  CLI::Option* const join =
      app.add_option("--join-file", flags->join.join_file,
                     "Write the one file with which a worker on another host joins (see --worker)");
  CLI::Option* const worker =
      app.add_option("--worker", flags->join.worker, "Its worker_id, for --join-file")->needs(join);
  join->needs(worker);
  app.add_option(
         "--address", flags->join.addresses,
         "Name or address by which workers call this host, for --join-file; repeatable, the first is used")
      ->needs(join)
      ->take_all();
  app.add_option("--secrets", flags->join.secrets_dir,
                 "Folder of authority, passwords and keys, for --join-file; default: tilecompile-secrets "
                 "beside RUN.yaml")
      ->needs(join);
  app.callback([flags, choose] {
    choose([flags] {
      const RunConfig config = load_run_config(flags->file, flags->overrides);
      if (!flags->join.join_file.empty()) return write_join(config, *flags);
      return flags->definitions ? print_definitions(config, flags->password_dir) : run_setup(config);
    });
  });
}

}  // namespace tilecompile
