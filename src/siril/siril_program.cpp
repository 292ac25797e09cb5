#include <cstdlib>
#include <fstream>
#include <iterator>

#include "siril_text.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/siril/child_process.hpp"
#include "tilecompile/siril/siril.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

// Nothing of the user's own: settings of another Siril change results, other languages its messages.
std::vector<std::string> siril_environment(const fs::path& home) {
  const char* path = std::getenv("PATH");
  const std::string h = home.string();
  return {"PATH=" + std::string(path == nullptr ? "/usr/bin:/bin" : path),
          "HOME=" + h,
          "XDG_CONFIG_HOME=" + h + "/.config",
          "XDG_CACHE_HOME=" + h + "/.cache",
          "XDG_DATA_HOME=" + h + "/.local/share",
          "TMPDIR=" + h,
          "LANG=C",
          "LC_ALL=C"};
}

std::string text_from(const fs::path& path, std::uintmax_t offset) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

fs::path find_siril(const std::string& key) {
  fs::path program = find_program("siril-cli");
  if (program.empty())
    throw UsageError(key +
                     " is siril, but there is no siril-cli in PATH: install it (apt-get install siril), or "
                     "change the key");
  return program;
}

std::string run_siril(const SirilProgram& siril, const fs::path& folder, const std::string& script,
                      const fs::path& log, double timeout_s, bool may_fail) {
  const fs::path home = folder / "home", file = folder / "script.ssf";
  fs::create_directories(home);
  std::ofstream(file) << script;
  std::error_code none;
  const std::uintmax_t offset = fs::exists(log, none) ? fs::file_size(log) : 0;
  ChildCommand command;
  command.program = siril.program;
  command.arguments = {"-d", fs::absolute(folder).string(), "-s", fs::absolute(file).string()};
  command.environment = siril_environment(fs::absolute(home));
  command.output = log;
  command.timeout_s = timeout_s;
  command.observer = &siril.observer;
  const int code = run_child(command);
  std::string output = text_from(log, offset);
  if (code != 0 && !may_fail)
    throw InputError("siril-cli ended with exit code " + std::to_string(code) + ":" +
                     siril_complaint(output) + "\nall it printed is in " + log.string());
  return output;
}

}  // namespace tilecompile
