#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tilecompile/tile/result.hpp"

namespace tilecompile {

/// What journal.jsonl of an earlier start of a run says: a claim, to be checked against the storage.
struct Journal {
  std::vector<ResultMessage> first_round;   ///< by tile_id; no data_checksum where the journal is silent
  std::vector<ResultMessage> second_round;  ///< the same for the synthetic frames
  std::vector<std::string> remarks;         ///< lines that were left out, and why
};

/// Reads the journal of run `run_id` with `tiles` tiles; the latest line of a tile counts. A missing journal
/// is an empty one. A last line without its end was cut off by a crash and is removed from the file, so that
/// the next line does not run into it. Lines that are no result of this run are left out with a remark.
/// Throws TransientError when the file cannot be read or cut.
Journal read_journal(const std::filesystem::path& file, const std::string& run_id, int tiles);

/// The journal of frames and bands.
inline constexpr const char* kFramesJournal = "frames.jsonl";
/// What it says, by data_ref; the latest line counts, and lines that are none are left out. Otherwise as
/// read_journal.
std::map<std::string, ResultMessage> read_frames_journal(const std::filesystem::path& file,
                                                         const std::string& run_id);

}  // namespace tilecompile
