#pragma once
#include <functional>
#include <utility>

#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {

/// A worker's transport that changes its tiles before they are announced: object and message agree. Then it
/// may change the message too. What it finds in frames is right, unless `about_frames` says of such a result
/// that it is to be a lie.
class Liar : public ForwardingTransport {
 public:
  using Lie = std::function<void(TileFile&)>;
  using ForgeMessage = std::function<void(ResultMessage&)>;
  using AboutFrames = std::function<bool(const ResultMessage&)>;
  Liar(std::unique_ptr<Transport> inner, ObjectStore& store, Lie lie, ForgeMessage forge = {},
       AboutFrames about_frames = {})
      : ForwardingTransport(std::move(inner)),
        store_(store),
        lie_(std::move(lie)),
        forge_(std::move(forge)),
        about_frames_(std::move(about_frames)) {}

  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    ResultMessage result = decode_result(message.body);
    if (!result.failure && !result.begun && lie_) tell_lie(result);
    if (forge_) forge_(result);
    message.body = encode_result(result);
    return inner_->publish(exchange, queue, std::move(message));
  }

 private:
  void tell_lie(ResultMessage& result) {
    if (result.part) return about_frames_ && about_frames_(result) ? lie_about_frames(result) : void();
    TileFile file = decode_tile_file(store_.get(result.data_ref));
    lie_(file);
    const std::string bytes = encode_tile_file(file);
    store_.put(result.data_ref, bytes);
    result.data_checksum = sha256_hex(bytes);
    for (std::size_t p = 0; p < file.pixels.size(); ++p) {
      Distribution samples;
      samples.assign(file.pixels[p].view(), 0);
      result.tile_background[p] = clip(samples, 0).location;
      result.tile_median[p] = samples.median() - result.tile_background[p];
    }
  }

  // The background of a frame's first channel, or the first pixel of a band, is another one by some percent;
  // of a file the first digit of its SHA-256.
  void lie_about_frames(ResultMessage& result) {
    std::string bytes = store_.get(result.data_ref);
    constexpr std::size_t kCount = 8, kSides = 16, kHighBytesOfFloat = 2, kHighBytesOfDouble = 6;
    const bool of_a_file = result.part->work == TaskWork::kHash;
    char& byte = bytes[bytes.find('\n') + 1 + kCount +
                       (of_a_file                     ? 0
                        : of_bands(result.part->work) ? kSides + kHighBytesOfFloat
                                                      : kHighBytesOfDouble)];
    byte = static_cast<char>(!of_a_file ? byte ^ 1 : byte == '0' ? '1' : '0');
    store_.put(result.data_ref, bytes);
    result.data_checksum = sha256_hex(bytes);
  }

  ObjectStore& store_;
  const Lie lie_;
  const ForgeMessage forge_;
  const AboutFrames about_frames_;
};

/// What the program says of a worker that is ready, over another connection than the worker's.
inline void say_fit(Transport& transport, const std::string& worker_id) {
  transport.declare(workers_queue_spec());
  leave_note(transport, {worker_id, "", "", true, "", 0});
  transport.inspect(kWorkersQueue);  // the broker has the note
}

}  // namespace tilecompile
