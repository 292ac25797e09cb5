#pragma once
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace tilecompile {

/// Hears what a run writes into its logs.
class LogListener {
 public:
  virtual ~LogListener() = default;
  /// `file`: events.jsonl or journal.jsonl, which `line` (without its end) was written to.
  virtual void tell(const std::string& file, const std::string& line) = 0;
};

/// The folder of one run: output.dir/<run_id>/. Safe from several threads.
class RunDirectory {
 public:
  /// Creates the folder and locks it (run.lock) for the life of this object, which the system unlocks too
  /// when the process dies. Throws UsageError when another process holds the lock, TransientError with the
  /// path when the file system refuses.
  RunDirectory(const std::filesystem::path& output_dir, const std::string& run_id);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Lets the link `latest` beside the folder lead to it. Where there can be no links, or something else has
  /// that name, nothing is done.
  void point_latest() const;
  /// Writes a file of the run whole or not at all.
  void write(const std::string& name, std::string_view bytes) const;
  /// Appends an accepted result, or several with a line feed between two, to journal.jsonl and syncs it once.
  /// Throws TransientError when the folder is gone
  /// or takes nothing; the journal holds whole lines then.
  void append_journal(const std::string& line);
  /// The same for frames.jsonl, the journal of what was found in frames and bands of rows before the first
  /// tile; nobody listens to that.
  void append_frames(const std::string& line);
  /// Appends one event to events.jsonl with the time, its name and its fields. Never throws: events that
  /// cannot be written are kept, a few hundred of them, and written with a later one.
  void append_event(const std::string& event, const std::map<std::string, std::string>& fields = {});
  /// Why events are not written for now, or that the folder is gone; empty when all is well.
  std::string trouble();
  /// Tells `listener` every line of both logs after it was written, one at a time. Null: nobody.
  void listen(LogListener* listener);

 private:
  void append(const char* name, int file, const std::string& line, bool sync);
  void write_kept_events();
  std::string gone() const;
  int open_log(const char* name) const;
  void lock();
  void close_all();
  std::filesystem::path path_;
  std::string run_id_;
  int lock_ = -1, journal_ = -1, frames_ = -1, events_ = -1;
  std::mutex mutex_;
  LogListener* listener_ = nullptr;
  std::deque<std::string> kept_events_;
  std::string trouble_;
};

}  // namespace tilecompile
