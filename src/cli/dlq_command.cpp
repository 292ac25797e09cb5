#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/launch/modes.hpp"
#include "tilecompile/operate/dead_letters.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

struct DlqFlags {
  std::string config, id;
  std::vector<std::string> overrides;
  bool all = false, as_json = false;
};

BrokerConfig broker_of(const DlqFlags& flags) {
  if (flags.config.empty()) return load_worker_config("", flags.overrides).broker;
  return load_run_config(flags.config, flags.overrides).broker;
}

std::string tiles_text(const DeadLetter& letter) {
  if (letter.tiles.empty()) return "-";
  std::string text = std::to_string(letter.tiles.front());
  if (letter.tiles.size() > 1) text += "+" + std::to_string(letter.tiles.size() - 1);
  return text;
}

json letter_json(const DeadLetter& letter) {
  return {{"id", letter.id},
          {"run_id", letter.run_id},
          {"tiles", letter.tiles},
          {"kind", letter.kind},
          {"reason", letter.reason},
          {"attempt", letter.attempt},
          {"worker", letter.worker_id},
          {"time", letter.time},
          {"body", letter.message.body}};
}

std::string dumped(const json& j) {
  return escaped_lines(j.dump(2, ' ', false, json::error_handler_t::replace));
}

// What the queue keeps, once it may have dropped older letters.
std::string full_text(std::size_t letters) {
  if (letters < most_dead_letters()) return "";
  return "; tile.dlq keeps the newest " + std::to_string(most_dead_letters()) + ", older ones are gone";
}

int list_letters(const DlqFlags& flags) {
  std::size_t letters = 0;
  for_each_dead_letter(broker_of(flags), [&](const DeadLetter& letter) {
    ++letters;
    if (flags.as_json) {
      std::printf("%s%s", letters == 1 ? "[\n" : ",\n", dumped(letter_json(letter)).c_str());
      return;
    }
    std::printf("%s  tile %s  %s  attempt %s  %s  %s\n    %s\n", letter.id.c_str(),
                tiles_text(letter).c_str(), letter.kind.c_str(), letter.attempt.c_str(),
                escaped(letter.worker_id).c_str(), escaped(letter.time).c_str(),
                escaped_lines(letter.reason).c_str());
  });
  if (flags.as_json)
    std::printf(letters == 0 ? "[]\n" : "\n]\n");
  else
    std::printf("%zu dead letters%s\n", letters, full_text(letters).c_str());
  return 0;
}

std::string no_such_letter(const DlqFlags& flags) {
  return "there is no dead letter " + flags.id + ": see tilecompile dlq list";
}

int show_letter(const DlqFlags& flags) {
  const std::string id = whole_letter_id(broker_of(flags), flags.id);
  bool found = false;
  for_each_dead_letter(broker_of(flags), [&](const DeadLetter& letter) {
    if (found || letter.id != id) return;
    std::printf("%s\n", dumped(letter_json(letter)).c_str());
    found = true;
  });
  if (!found) throw UsageError(no_such_letter(flags));
  return 0;
}

// retry or drop, of one letter or of all.
int end_letters(const DlqFlags& flags, bool retry) {
  if (flags.id.empty() != flags.all) throw UsageError("name the id of one dead letter, or --all");
  const std::string id = flags.all ? "" : whole_letter_id(broker_of(flags), flags.id);
  const EndedLetters ended = end_dead_letters(broker_of(flags), id, retry);
  if (ended.ended == 0 && ended.refused.empty() && !flags.all) throw UsageError(no_such_letter(flags));
  std::printf("%d dead letters %s\n", ended.ended, retry ? "sent to tile.compute again" : "dropped");
  for (const std::string& why : ended.refused)
    std::fprintf(stderr, "tilecompile: %s\n", escaped_lines(why).c_str());
  return ended.refused.empty() ? 0 : exit_code(ErrorKind::kTransient);
}

void add_action(CLI::App& app, const ChooseAction& choose, const char* name, const char* summary,
                const std::function<void(CLI::App&, DlqFlags&)>& add_flags,
                const std::function<int(const DlqFlags&)>& action) {
  const auto flags = std::make_shared<DlqFlags>();
  CLI::App* sub = app.add_subcommand(name, summary);
  sub->add_option("--config", flags->config,
                  "RUN.yaml that names the broker; default: environment and --set");
  sub->add_option("--set", flags->overrides, "key.path=value over the file; repeatable")->take_all();
  add_flags(*sub, *flags);
  sub->callback([flags, choose, action] { choose([flags, action] { return action(*flags); }); });
}

}  // namespace

void set_up_dlq(CLI::App& app, const ChooseAction& choose) {
  app.require_subcommand(1);
  const auto with_json = [](CLI::App& sub, DlqFlags& f) {
    sub.add_flag("--json", f.as_json, "For machines");
  };
  const auto with_id = [](CLI::App& sub, DlqFlags& f) {
    sub.add_option("id", f.id, "RUN_ID:TILE_ID as in the list; of RUN_ID the first characters do")
        ->required();
  };
  const auto with_id_or_all = [](CLI::App& sub, DlqFlags& f) {
    sub.add_option("id", f.id, "RUN_ID:TILE_ID as in the list; of RUN_ID the first characters do");
    sub.add_flag("--all", f.all, "Every letter");
  };
  add_action(app, choose, "list", "Every dead letter with reason, attempts, worker", with_json, list_letters);
  add_action(app, choose, "show", "One dead letter with its task", with_id, show_letter);
  add_action(app, choose, "retry", "Try tasks again that a run still waits for", with_id_or_all,
             [](const DlqFlags& f) { return end_letters(f, true); });
  add_action(app, choose, "drop", "Forget dead letters", with_id_or_all,
             [](const DlqFlags& f) { return end_letters(f, false); });
}

}  // namespace tilecompile
