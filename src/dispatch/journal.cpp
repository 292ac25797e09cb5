#include "tilecompile/dispatch/journal.hpp"

#include <cerrno>
#include <fstream>
#include <functional>
#include <iterator>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

// Why a line does not count; empty when it was taken.
std::string take_line(const std::string& line, const std::string& run_id, Journal& journal) {
  ResultMessage result;
  try {
    result = decode_result(line);
  } catch (const InputError& e) {
    return e.what();
  }
  if (result.run_id != run_id) return "it is of run " + result.run_id;
  if (result.failure) return "it is a failure";
  if (result.tile_id >= static_cast<int>(journal.first_round.size())) return "there is no such tile";
  const auto t = static_cast<std::size_t>(result.tile_id);
  if (result.data_ref == tile_key(run_id, result.tile_id))
    journal.first_round[t] = std::move(result);
  else if (result.data_ref == synthetic_tile_key(run_id, result.tile_id))
    journal.second_round[t] = std::move(result);
  else
    return "it names the object " + result.data_ref;
  return "";
}

// Hands every whole line to `take`, and cuts off a last one without its end. True when there was one.
bool each_whole_line(const std::filesystem::path& file, const std::function<void(const std::string&)>& take) {
  if (!std::filesystem::exists(file)) return false;
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw TransientError(file_error_text("reading", file, errno));
  const std::size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  for (std::size_t begin = 0; begin < whole;) {
    const std::size_t end = text.find('\n', begin);
    take(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (whole == text.size()) return false;
  std::error_code error;
  std::filesystem::resize_file(file, whole, error);
  if (error) throw TransientError(file_error_text("cutting", file, error.value()));
  return true;
}

}  // namespace

Journal read_journal(const std::filesystem::path& file, const std::string& run_id, int tiles) {
  Journal journal;
  journal.first_round.resize(static_cast<std::size_t>(tiles));
  journal.second_round.resize(static_cast<std::size_t>(tiles));
  std::size_t number = 0;
  const bool torn = each_whole_line(file, [&](const std::string& line) {
    const std::string why = take_line(line, run_id, journal);
    ++number;
    if (!why.empty()) journal.remarks.push_back("line " + std::to_string(number) + ": " + why);
  });
  if (torn) journal.remarks.push_back("the last line was cut off when the master ended");
  return journal;
}

std::map<std::string, ResultMessage> read_frames_journal(const std::filesystem::path& file,
                                                         const std::string& run_id) {
  std::map<std::string, ResultMessage> journal;
  each_whole_line(file, [&](const std::string& line) {
    try {
      ResultMessage result = decode_result(line);
      if (result.run_id == run_id && result.part && of_frames(result.part->work) && !result.failure)
        journal[result.data_ref] = std::move(result);
    } catch (const InputError& e) {
      log_warning(std::string(kFramesJournal) + ": a line is left out: " + e.what());
    }
  });
  return journal;
}

}  // namespace tilecompile
