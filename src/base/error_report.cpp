#include "tilecompile/base/error_report.hpp"

#include <new>
#include <system_error>

namespace tilecompile {

ErrorReport report_of(const std::exception& exception) {
  if (const auto* ours = dynamic_cast<const Error*>(&exception)) return {ours->kind(), ours->what()};
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr)
    return {
        ErrorKind::kTransient,
        "not enough memory: lower parallel.threads or parallel.memory_limit_mb, or allow the process more"};
  if (dynamic_cast<const std::system_error*>(&exception) != nullptr)
    return {ErrorKind::kTransient,
            std::string("the operating system refused: ") + exception.what() +
                "; check the limits of processes, threads and open files, and the mounts"};
  return {ErrorKind::kContract,
          std::string("internal error: ") + exception.what() + "; please report this with the log"};
}

}  // namespace tilecompile
