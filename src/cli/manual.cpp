#include "manual.hpp"

#include <CLI/CLI.hpp>

#include "tilecompile/base/version.hpp"

namespace tilecompile {
namespace {

// roff takes a leading dot or quote as an order, and a hyphen for one of typography.
std::string roff(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) result += "\\&";
    if (c == '\\' || c == '-') result += '\\';
    result += c;
  }
  return result;
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

std::string head(const std::string& title) {
  return ".TH " + title + " 1 \"\" \"tilecompile " + kProgramVersion + "\" \"User Commands\"\n.SH NAME\n";
}

std::string placeholder(const std::string& name) {
  std::string word = name;
  for (char& c : word) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return word;
}

std::string synopsis(const CLI::App& command) {
  std::string text = ".B tilecompile " + command.get_name() + "\n";
  for (const CLI::Option* o : command.get_options()) {
    if (!o->get_positional()) continue;
    const std::string word = "\\fI" + placeholder(o->get_single_name()) + "\\fR";
    text += (o->get_required() ? word : "[" + word + "]") + "\n";
  }
  return text + "[\\fIOPTION\\fR]...\n";
}

std::string described(const CLI::App& command, bool positional) {
  std::string text;
  for (const CLI::Option* o : command.get_options()) {
    if (o->get_positional() != positional) continue;
    text += ".TP\n";
    if (positional)
      text += "\\fI" + placeholder(o->get_single_name()) + "\\fR\n";
    else
      text += "\\fB" + roff(o->get_name(false, true)) + "\\fR" + (is_flag(*o) ? "" : " \\fIVALUE\\fR") + "\n";
    text += roff(o->get_description());
    if (!o->get_default_str().empty()) text += " (default: " + roff(o->get_default_str()) + ")";
    text += "\n";
  }
  return text;
}

// Those that help lists.
std::vector<const CLI::App*> commands_of(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App* a) { return !a->get_group().empty(); });
}

std::string exit_codes() {
  return ".SH EXIT STATUS\n0 done; 2 usage or configuration; 3 done, but a check was not passed; 4 input "
         "data; 5 "
         "broker,\nstorage or another thing that may work later; 70 internal error; 130, 143 ended by a "
         "signal.\n";
}

std::string program_page(const CLI::App& program) {
  std::string text = head("TILECOMPILE") + "tilecompile \\- " + roff(program.get_description()) +
                     "\n.SH SYNOPSIS\n.B tilecompile\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n.SH COMMANDS\n";
  for (const CLI::App* command : commands_of(program))
    text += ".TP\n\\fB" + roff(command->get_name()) + "\\fR\n" + roff(command->get_description()) + "\n";
  text += exit_codes();
  text +=
      ".SH FILES\n.TP\n\\fI/usr/share/tilecompile\\fR\nconfigurations to start from, and the JSON Schema of "
      "their keys\n.TP\n\\fI/usr/share/doc/tilecompile\\fR\nthe documentation\n.SH SEE ALSO\n";
  bool first = true;
  for (const CLI::App* command : commands_of(program)) {
    text += std::string(first ? "" : ",\n") + "\\fBtilecompile\\-" + roff(command->get_name()) + "\\fR(1)";
    first = false;
  }
  return text + "\n";
}

std::string command_page(const CLI::App& command) {
  const std::string& name = command.get_name();
  std::string text = head("TILECOMPILE\\-" + placeholder(name)) + "tilecompile\\-" + roff(name) + " \\- " +
                     roff(command.get_description()) + "\n.SH SYNOPSIS\n" + synopsis(command);
  if (const std::string arguments = described(command, true); !arguments.empty())
    text += ".SH ARGUMENTS\n" + arguments;
  text += ".SH OPTIONS\n" + described(command, false);
  if (!command.get_footer().empty()) text += ".SH NOTES\n" + roff(command.get_footer()) + "\n";
  return text + exit_codes() + ".SH SEE ALSO\n\\fBtilecompile\\fR(1)\n";
}

}  // namespace

std::map<std::string, std::string> man_pages(const CLI::App& program) {
  std::map<std::string, std::string> pages = {{"tilecompile.1", program_page(program)}};
  for (const CLI::App* command : commands_of(program))
    pages["tilecompile-" + command->get_name() + ".1"] = command_page(*command);
  return pages;
}

std::string bash_completion(const CLI::App& program) {
  std::string names, cases;
  for (const CLI::App* command : commands_of(program)) {
    names += (names.empty() ? "" : " ") + command->get_name();
    std::string flags, words;
    for (const CLI::Option* o : command->get_options())
      for (const std::string& flag : o->get_lnames()) flags += (flags.empty() ? "--" : " --") + flag;
    for (const CLI::App* word : command->get_subcommands([](const CLI::App*) { return true; }))
      words += (words.empty() ? "" : " ") + word->get_name();
    cases += "    " + command->get_name() + ") flags='" + flags + "'; words='" + words + "' ;;\n";
  }
  return "# Completion of tilecompile for bash.\n_tilecompile() {\n  local word=${COMP_WORDS[COMP_CWORD]} "
         "flags= words=\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W '" +
         names + " --help --version' -- \"$word\"))\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n" + cases +
         "  esac\n  case $word in\n    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\"; compgen -f -- \"$word\")) ;;\n  esac\n}\n"
         "complete -o filenames -F _tilecompile tilecompile\n";
}

}  // namespace tilecompile
