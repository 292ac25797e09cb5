#pragma once
#include <map>
#include <string>

namespace CLI {
class App;
}

namespace tilecompile {

/// The man pages (roff) of the program and of each command that help lists, by the names of their files.
std::map<std::string, std::string> man_pages(const CLI::App& program);
/// A script for bash that completes commands, flags and file names.
std::string bash_completion(const CLI::App& program);

}  // namespace tilecompile
