#include "tilecompile/launch/resumed_run.hpp"

#include <algorithm>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/kept_settings.hpp"
#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

// A link such as `latest` leads to the folder that has the id.
fs::path run_folder(const std::string& given, const fs::path& output_dir) {
  std::error_code error;
  const fs::path named = find_run_directory(given, output_dir), real = fs::canonical(named, error);
  return error ? fs::absolute(named / "").parent_path() : real;
}

}  // namespace

ResumedRun find_resumed_run(const std::string& given, const fs::path& output_dir, bool is_output_given) {
  ResumedRun run{given, output_dir, {}};
  if (!is_uuid(given)) {
    const fs::path folder = run_folder(given, output_dir);
    run.run_id = folder.filename().string();
    std::error_code error;
    if (!fs::equivalent(folder.parent_path(), output_dir, error)) {
      if (is_output_given)
        throw UsageError("--resume " + given + ": the run lies in " + folder.parent_path().string() +
                         ", not in --output " + output_dir.string() + "; leave --output away");
      run.output_dir = folder.parent_path();
    }
  }
  run.settings = kept_settings(run.output_dir / run.run_id);
  std::erase_if(run.settings, [](const std::string& text) { return text.starts_with("output.dir="); });
  return run;
}

}  // namespace tilecompile
