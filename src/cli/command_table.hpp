#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tilecompile {

/// Takes the action that the parsed command line means; parsing itself opens no file.
using ChooseAction = std::function<void(std::function<int()>)>;

/// One subcommand: `set_up` adds its flags and says what it does.
struct Command {
  std::string name, summary;
  std::function<void(CLI::App&, ChooseAction)> set_up;
};

/// All subcommands, in the order in which help lists them.
std::vector<Command> command_table();

/// The signal that asked this process to stop; 0 while it may go on.
const std::atomic<int>& stop_signal();

void set_up_run(CLI::App& app, const ChooseAction& choose);
void set_up_master(CLI::App& app, const ChooseAction& choose);
void set_up_worker(CLI::App& app, const ChooseAction& choose);
void set_up_dlq(CLI::App& app, const ChooseAction& choose);
void set_up_health(CLI::App& app, const ChooseAction& choose);
void set_up_status(CLI::App& app, const ChooseAction& choose);
void set_up_runs(CLI::App& app, const ChooseAction& choose);
void set_up_clean(CLI::App& app, const ChooseAction& choose);
void set_up_setup(CLI::App& app, const ChooseAction& choose);
void set_up_verify(CLI::App& app, const ChooseAction& choose);
void set_up_plan(CLI::App& app, const ChooseAction& choose);
void set_up_tile(CLI::App& app, const ChooseAction& choose);
void set_up_explain(CLI::App& app, const ChooseAction& choose);
void set_up_preview(CLI::App& app, const ChooseAction& choose);
void set_up_manual(CLI::App& app, const ChooseAction& choose);
void set_up_config(CLI::App& app, const ChooseAction& choose);
void set_up_report(CLI::App& app, const ChooseAction& choose);
void set_up_compare(CLI::App& app, const ChooseAction& choose);
void set_up_simulate(CLI::App& app, const ChooseAction& choose);

}  // namespace tilecompile
