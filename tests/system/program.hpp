#pragma once
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "paths.hpp"

namespace tilecompile {

/// What a command printed and how it ended.
struct ProgramOutput {
  int exit_code = -1;  ///< 128 + signal when it was killed
  std::string text;    ///< stdout and stderr
};

/// Runs a shell command and waits for it.
inline ProgramOutput run_shell(const std::string& command) {
  FILE* pipe = popen(("( " + command + " ) 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  ProgramOutput output;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.text.append(buffer.data(), n);
  const int status = pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

/// Runs the built program with arguments as on a shell's command line; one that has not ended after 15
/// minutes is killed (exit code 124).
inline ProgramOutput run_program(const std::string& arguments) {
  return run_shell(std::string("timeout -k 10 900 '") + program_path() + "' " + arguments);
}

/// run.json of a run.
inline nlohmann::json run_record(const std::filesystem::path& run_directory) {
  std::ifstream in(run_directory / "run.json");
  return nlohmann::json::parse(in);
}

/// Product name -> digest.
inline std::map<std::string, std::string> product_digests(const std::filesystem::path& run_directory) {
  std::map<std::string, std::string> digests;
  const nlohmann::json record = run_record(run_directory);
  for (const auto& [name, product] : record.at("products").items()) digests[name] = product.at("digest");
  return digests;
}

/// A file's text; empty when it cannot be read.
inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace tilecompile
