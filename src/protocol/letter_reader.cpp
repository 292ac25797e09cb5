#include "tilecompile/protocol/letter_reader.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds kEvery = 1s, kOpenFor = 300ms;
// A quorum queue of RabbitMQ 4 drops a letter that came back 20 times.
constexpr int kMostLooks = 3;
constexpr std::uint64_t kMostLetters = 4096;  // in memory at a time

}  // namespace

LetterReader::~LetterReader() {
  try {
    put_back();
  } catch (const Error& e) {
    log_debug(std::string("dead letters are left to the broker: ") + e.what());
  }
}

std::uint64_t LetterReader::count() const {
  const auto state = transport_.inspect(kDeadLetterQueue);
  return state ? state->messages : 0;
}

void LetterReader::begin() {
  known_ = count();
  wanted_ = true;
}

void LetterReader::look() {
  const auto now = std::chrono::steady_clock::now();
  if (!wanted_ || now - last_ < (open_ ? kOpenFor : kEvery)) return;
  last_ = now;
  try {
    if (open_) {
      put_back();
      known_ = count();
      return;
    }
    const std::uint64_t letters = count();
    if (letters <= known_ || letters > kMostLetters || looks_ >= kMostLooks) {
      known_ = std::min(known_, letters);
      return;
    }
    ++looks_;
    transport_.consume(kDeadLetterQueue, static_cast<int>(letters));
    open_ = true;
  } catch (const UsageError& e) {
    wanted_ = false;
    log_debug(std::string("dead letters are not looked at: ") + e.what());
  }
}

void LetterReader::put_back() {
  if (!open_) return;
  open_ = false;
  transport_.cancel(kDeadLetterQueue);
  for (const DeliveryTag& tag : held_) transport_.reject(tag, true);
  held_.clear();
}

bool LetterReader::take(const Delivery& delivery) {
  if (delivery.queue != kDeadLetterQueue) return false;
  if (take_(delivery.message))
    transport_.ack(delivery.tag);
  else
    held_.push_back(delivery.tag);
  return true;
}

}  // namespace tilecompile
