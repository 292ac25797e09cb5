#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Finds tasks of a round among new letters on tile.dlq: workers put tasks there that they cannot read. All
/// other letters stay, in their places.
class LetterReader {
 public:
  /// `take` says whether a letter is one that the round settles itself; it is removed then.
  LetterReader(Transport& transport, std::function<bool(const Message&)> take)
      : transport_(transport), take_(std::move(take)) {}
  ~LetterReader();
  LetterReader(const LetterReader&) = delete;
  LetterReader& operator=(const LetterReader&) = delete;

  /// Counts the letters that are there before the tasks are sent. Without, nothing is looked at.
  void begin();
  /// Called often; looks when there are more letters than before.
  void look();
  /// True when the delivery is a letter, which is nobody else's to acknowledge.
  bool take(const Delivery& delivery);

 private:
  std::uint64_t count() const;
  void put_back();

  Transport& transport_;
  const std::function<bool(const Message&)> take_;
  std::chrono::steady_clock::time_point last_{};
  bool wanted_ = false, open_ = false;
  std::uint64_t known_ = 0;
  int looks_ = 0;
  std::vector<DeliveryTag> held_;
};

}  // namespace tilecompile
