#pragma once
#include <chrono>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/worker_book.hpp"

namespace tilecompile {

/// Reads tile.workers now and then without taking anything from it: the notes go back, for other masters and
/// `verify`.
class NoteReader {
 public:
  NoteReader(Transport& transport, RunDirectory& directory, WorkerBook& book)
      : transport_(transport), directory_(directory), book_(book) {}
  ~NoteReader();
  NoteReader(const NoteReader&) = delete;
  NoteReader& operator=(const NoteReader&) = delete;

  /// Called often; looks every `every`.
  void look(std::chrono::milliseconds every);
  /// True when the delivery is a note, which is not to be acknowledged.
  bool take(const Delivery& delivery);

 private:
  void open();
  void put_back();

  Transport& transport_;
  RunDirectory& directory_;
  WorkerBook& book_;
  std::chrono::steady_clock::time_point last_{};
  bool open_ = false, barred_ = false;
  std::vector<DeliveryTag> held_;
};

}  // namespace tilecompile
